"""`hearth conformance`: how well a server keeps the contract of the inference API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hearth.errors import SetupError

if TYPE_CHECKING:
    from hearth.conformance import Result

CHAT = "accounts/fireworks/models/llama-v3p1-8b-instruct"
EMBEDDING = "nomic-ai/nomic-embed-text-v1.5"
RERANK = "accounts/fireworks/models/qwen3-reranker-8b"

_REASON_CHARACTERS = 160


def conformance(
    *,
    base_url: Annotated[
        str, typer.Option(help="As clients are given it.", envvar="FIREWORKS_BASE_URL")
    ],
    api_key: Annotated[str, typer.Option(help="For it.", envvar="FIREWORKS_API_KEY")],
    model: Annotated[str, typer.Option(help="A chat model that it serves.")] = CHAT,
    vector_models: Annotated[
        tuple[str, str], typer.Option(help="An embedding model and a reranker.")
    ] = (EMBEDDING, RERANK),
    feature: Annotated[
        list[str] | None, typer.Option(help="Only these features; may be repeated.")
    ] = None,
) -> None:
    """Check a server against the API, promise by promise; 1 if one is broken.

    Any server that speaks the API can be checked, this project's or another.
    """
    from hearth.conformance import Outcome, Server, Subjects, all_checks, run

    checks = [check for check in all_checks() if not feature or check.feature in feature]
    if not checks:
        known = ", ".join(dict.fromkeys(check.feature for check in all_checks()))
        raise SetupError(f"No such feature; there are: {known}.")
    embedding, rerank = vector_models
    subjects = Subjects(chat=model, embedding=embedding, rerank=rerank)
    counts = dict.fromkeys(Outcome, 0)
    with Server(base_url, api_key, subjects) as server:
        for result in run(server, checks):
            counts[result.outcome] += 1
            typer.echo(_line(result))
    typer.echo("\n" + ", ".join(f"{num} {outcome}" for outcome, num in counts.items()))
    if counts[Outcome.FAIL]:
        raise typer.Exit(1)


def _line(result: Result) -> str:
    check = result.check
    line = f"{result.outcome:<8} {check.feature:<12} {check.promise}"
    if not result.reason:
        return line
    return f"{line}\n{'':<22}{' '.join(result.reason.split())[:_REASON_CHARACTERS]}"
