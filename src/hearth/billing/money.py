"""Money between nano-USD, which everything is counted in, and what people and clients write."""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta, Struct

from hearth.errors import InvalidRequest
from hearth.pricing import NANO

MAX_DOLLARS = 9_000_000_000
"What 64 bits hold of nano-USD, rounded down."

CURRENCY = "USD"
_DOLLARS = re.compile(r"-?\d{1,10}(?:\.(\d{1,9}))?", re.ASCII)


class Money(Struct, frozen=True, kw_only=True, rename="camel"):
    """An amount as google.type.Money writes it; the nanos have the sign of the units."""

    currency_code: Annotated[str, Meta(max_length=16)] = CURRENCY
    units: Annotated[str, Meta(pattern=r"^-?[0-9]{1,10}\Z")] = "0"
    nanos: Annotated[int, Meta(gt=-NANO, lt=NANO)] = 0


def to_money(nano: int) -> Money:
    """The amount, exactly."""
    units, nanos = divmod(abs(nano), NANO)
    sign = -1 if nano < 0 else 1
    return Money(units=str(sign * units), nanos=sign * nanos)


def from_money(money: Money, *, param: str) -> int:
    """Nano-USD.

    Raises:
        InvalidRequest: another currency, parts of different sign, or more than we can count.
    """
    if money.currency_code != CURRENCY:
        raise InvalidRequest(
            f"{param}.currencyCode: amounts are in {CURRENCY}.", param=f"{param}.currencyCode"
        )
    units = int(money.units)
    if units * money.nanos < 0 or (money.units.startswith("-") and money.nanos > 0):
        raise InvalidRequest(f"{param}: units and nanos must have one sign.", param=param)
    return _checked(units * NANO + money.nanos, param)


def read_dollars(text: str, *, param: str) -> int:
    """Nano-USD from dollars such as `20`, `0.01` or `-1.5`.

    Raises:
        InvalidRequest: it is no decimal number, or says less than a billionth of a dollar.
    """
    match = _DOLLARS.fullmatch(text)
    if match is None:
        raise InvalidRequest(
            f"{param}: write dollars such as 20 or 0.01, with at most 9 decimals, "
            f"not {text[:40]!r}.",
            param=param,
        )
    whole = text.lstrip("-").partition(".")[0]
    nano = int(whole) * NANO + int((match.group(1) or "0").ljust(9, "0"))
    return _checked(-nano if text.startswith("-") else nano, param)


def dollars(nano: int) -> str:
    """Dollars with all their decimals and at least two: `-0.0042`, `20.00`."""
    units, nanos = divmod(abs(nano), NANO)
    decimals = f"{nanos:09d}".rstrip("0").ljust(2, "0")
    return f"{'-' if nano < 0 else ''}{units}.{decimals}"


def _checked(nano: int, param: str) -> int:
    if abs(nano) > MAX_DOLLARS * NANO:
        raise InvalidRequest(f"{param}: no amount is above ${MAX_DOLLARS}.", param=param)
    return nano
