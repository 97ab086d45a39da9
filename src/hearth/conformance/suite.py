"""Runs checks and collects what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum

import httpx
from msgspec import Struct

from hearth.conformance.server import Server
from hearth.conformance.verdicts import Absent, Refused, Verdict


class Outcome(StrEnum):
    """How a check ended."""

    WELL = "pass"
    FAIL = "FAIL"
    REFUSED = "refused"
    "The server says clearly that it does not do this."
    ABSENT = "absent"
    "No such route or model."


class Check(Struct, frozen=True):
    """One promise of the contract."""

    feature: str
    promise: str
    run: Callable[[Server], None]


class Result(Struct, frozen=True):
    """What became of a check."""

    check: Check
    outcome: Outcome
    reason: str = ""


def all_checks() -> list[Check]:
    """Every check there is, feature by feature."""
    from hearth.conformance import checks  # many modules, for who runs them

    return list(checks.CHECKS)


def run(server: Server, checks: Iterable[Check]) -> Iterator[Result]:
    """Run checks one after the other."""
    for check in checks:
        yield _run(server, check)


def _run(server: Server, check: Check) -> Result:
    try:
        check.run(server)
    except Refused as refused:
        return Result(check, Outcome.REFUSED, str(refused))
    except Absent as absent:
        return Result(check, Outcome.ABSENT, str(absent))
    except Verdict as fault:
        return Result(check, Outcome.FAIL, str(fault))
    except (LookupError, TypeError, ValueError, AttributeError) as odd:
        # A check reads an answer as the contract shapes it; another shape ends here.
        return Result(check, Outcome.FAIL, f"The answer has another shape: {odd!r}.")
    except httpx.HTTPError as broken:
        return Result(check, Outcome.FAIL, f"The exchange broke: {broken!r}.")
    return Result(check, Outcome.WELL)
