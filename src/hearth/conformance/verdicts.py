"""What a check can find."""

from __future__ import annotations


class Verdict(Exception):
    """A check ended otherwise than well."""


class Fault(Verdict):
    """The server does not keep the contract; the text says in what."""


class Refused(Verdict):
    """The server says, with a 400, that it does not do this."""


class Absent(Verdict):
    """The server has no such route or model."""


def expect(condition: bool, fault: str) -> None:
    """Find a fault unless the condition holds."""
    if not condition:
        raise Fault(fault)


def has(body: object, *names: str) -> None:
    """Find a fault unless a JSON object has these fields."""
    if not isinstance(body, dict):
        raise Fault(f"Not an object: {str(body)[:80]}.")
    missing = [name for name in names if name not in body]
    expect(not missing, f"Without {', '.join(missing)}: {str(body)[:120]}.")
