"""Usage by day, user and model as a CSV file."""

from __future__ import annotations

from pathlib import Path

from hearth.firectl.call import Call
from hearth.firectl.failures import Failure
from hearth.firectl.grammar import Command, Flag, Noun
from hearth.firectl.kinds import PATH
from hearth.firectl.names import path_of
from hearth.firectl.spans import FLAGS, query_with_span


def _download(call: Call) -> None:
    path = path_of(f"accounts/{call.account_id()}/billing/metrics")
    body = call.send("GET", path, query=query_with_span(call))
    target = Path(call.get("filename", "billing_metrics.csv"))
    try:
        target.write_text(body.get("text", ""), encoding="utf-8", newline="")
    except OSError as error:
        raise Failure(
            f"Cannot write {target}: {error.strerror}. Try another --filename."
        ) from error
    call.screen.note(f"Wrote {target}.")


def _command(verb: str) -> Command:
    return Command(
        verb=verb,
        summary="Write usage by day, user and model to a CSV file.",
        run=_download,
        flags=(
            *FLAGS,
            Flag(name="filename", kind=PATH, of="PATH", help="Where: billing_metrics.csv."),
        ),
        examples=(f"firectl {verb} billing-metrics --start-time 2026-11-01 --filename nov.csv",),
    )


NOUN = Noun(
    summary="Billing metrics are usage by day, user and model, as a CSV file.",
    commands=(_command("download"), _command("export")),
)
