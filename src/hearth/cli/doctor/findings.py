"""What the doctor finds: one line per thing looked at."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    "It works, but less well or not in every case."
    FAIL = "fail"
    "Hearth cannot run so."


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was looked at; no field ever holds a secret."""

    name: str
    level: Level
    says: str
    "What is there."
    remedy: str = ""
    "What to do; for everything but `ok`."


def ok(name: str, says: str) -> Finding:
    """All is well."""
    return Finding(name=name, level=Level.OK, says=says)


def warn(name: str, says: str, remedy: str) -> Finding:
    """It works, with less."""
    return Finding(name=name, level=Level.WARN, says=says, remedy=remedy)


def fail(name: str, says: str, remedy: str) -> Finding:
    """It cannot work so."""
    return Finding(name=name, level=Level.FAIL, says=says, remedy=remedy)


def is_healthy(findings: list[Finding]) -> bool:
    """Whether nothing stands in the way of a start."""
    return all(finding.level is not Level.FAIL for finding in findings)
