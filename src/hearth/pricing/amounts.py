"""Amounts as people write them: decimals of dollars, exact in nano-USD, both ways."""

from __future__ import annotations

import re
from decimal import Decimal

from hearth.pricing.types import NANO

_DECIMAL = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,30})?", re.ASCII)


def parse_usd(text: str) -> int:
    """Nano-USD of a decimal of dollars such as `0.10`, exactly.

    Raises:
        ValueError: it is no decimal, or not a whole number of nano-USD.
    """
    if not isinstance(text, str):
        raise ValueError('is not in quotes; write dollars as a decimal string such as "0.10"')
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f'is {text[:40]!r}; write dollars as a decimal such as "0.10"')
    nano = Decimal(text) * NANO
    if nano != nano.to_integral_value():
        raise ValueError(f"is {text}, finer than a billionth of a dollar")
    return int(nano)


def format_usd(nano: int) -> str:
    """Dollars of an amount, exactly, with two digits after the point or as many as it takes."""
    sign = "-" if nano < 0 else ""
    whole, part = divmod(abs(nano), NANO)
    digits = f"{part:09}".rstrip("0").ljust(2, "0")
    return f"{sign}${whole:,}.{digits}"
