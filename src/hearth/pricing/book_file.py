"""Price books as files: TOML that a person writes, checked field by field."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from datetime import datetime
from importlib import resources
from typing import Any

import msgspec
from msgspec import Struct

from hearth.errors import InvalidRequest
from hearth.pricing.amounts import parse_usd
from hearth.pricing.checks import check_book
from hearth.pricing.types import MAX_NANO, PriceBook

SHIPPED = "shipped.toml"

_Table = dict[str, Any]  # Any: a TOML value, unchecked

_AMOUNTS = ("amount", "output_amount", "cached_amount", "minimum")
_PERCENTS = ("cached_discount", "batch_discount", "repeat_discount")
_PERCENT = re.compile(r"\d{1,3}(?:\.\d{1,2})?", re.ASCII)
_PATH = re.compile(r"(.*?) - at `\$\.?(.*)`", re.DOTALL)


class Source(Struct, frozen=True, kw_only=True):
    """What a file may refer to and what it need not say.

    Args:
        now: when the book takes effect if it does not say.
        book: any book by its version, for `extends`.
        is_model: whether a full name is a model's.
    """

    now: datetime
    book: Callable[[str], PriceBook | None]
    is_model: Callable[[str], bool]


def shipped_book() -> PriceBook:
    """The book that applies until an operator adds one."""
    text = resources.files("hearth.pricing").joinpath(SHIPPED).read_text("utf-8")
    return _convert(_amounts_read(_read(text)))


def parse_book(text: str, source: Source) -> PriceBook:
    """Read a book, whole: what it `extends` is copied into it.

    Raises:
        InvalidRequest: naming the field that does not fit.
    """
    table = _amounts_read(_read(text))
    table.setdefault("effective_time", source.now)
    extended = table.pop("extends", None)
    if extended is not None:
        table = _extend(_extended_book(extended, source), table)
    book = _convert(table)
    check_book(book, source.is_model)
    return book


def _read(text: str) -> _Table:
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers and nests beyond Python's limits
        raise InvalidRequest(f"The price book is not TOML: {error}.") from error
    currency = table.pop("currency", "USD")
    if currency != "USD":
        raise _fault("currency", f"is {currency!r}; all amounts here are US dollars, USD")
    return table


def _amounts_read(table: _Table) -> _Table:
    """Dollars as nano-USD, percents as basis points; everything else as it stands."""
    done = {key: value for key, value in table.items() if key != "prices"}
    for name in _PERCENTS:
        if f"{name}_percent" in done:
            done[f"{name}_bp"] = _basis_points(f"{name}_percent", done.pop(f"{name}_percent"))
    prices = table.get("prices", [])
    if not isinstance(prices, list) or not all(isinstance(price, dict) for price in prices):
        raise _fault("prices", "must be [[prices]] tables")
    done["prices"] = [_price(price, f"prices[{index}]") for index, price in enumerate(prices)]
    return done


def _price(entry: _Table, where: str) -> _Table:
    found = {name: _nano(f"{where}.{name}", entry[name]) for name in _AMOUNTS if name in entry}
    return entry | found


def _nano(where: str, value: Any) -> int:  # Any: a TOML value, unchecked
    try:
        nano = parse_usd(value)
    except ValueError as error:
        raise _fault(where, str(error)) from error
    if nano < 0:
        raise _fault(where, f"is {value}; no price is negative")
    if nano > MAX_NANO:
        raise _fault(where, f"is {value}; no price is over a million dollars")
    return nano


def _basis_points(where: str, value: Any) -> int:  # Any: a TOML value, unchecked
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    whole, _, part = value.partition(".") if match else ("101", "", "")
    points = int(whole) * 100 + int(part.ljust(2, "0"))
    if points > 10_000:
        raise _fault(where, f'is {value!r}; write percents from "0" to "100" in quotes')
    return points


def _extended_book(version: object, source: Source) -> PriceBook:
    book = source.book(version) if isinstance(version, str) else None
    if book is None:
        raise _fault(
            "extends", f"names {version!r}; `hearth prices list` shows the books there are"
        )
    return book


def _extend(book: PriceBook, table: _Table) -> _Table:
    """The table on top of a book: prices of the same id replace its, other fields win."""
    below: _Table = msgspec.to_builtins(book)
    below.pop("version")
    replaced = {price.get("id") for price in table["prices"]}
    kept = [price for price in below.pop("prices") if price["id"] not in replaced]
    models = table.get("models", {})
    if isinstance(models, dict):
        models = below["models"] | models
    return below | table | {"prices": [*table["prices"], *kept], "models": models}


def _convert(table: _Table) -> PriceBook:
    try:
        return msgspec.convert(table, PriceBook)
    except msgspec.ValidationError as error:
        match = _PATH.fullmatch(str(error))
        reason, where = match.groups() if match else (str(error), "")
        raise _fault(where, f"does not fit: {reason}") from error


def _fault(where: str, reason: str) -> InvalidRequest:
    subject = where or "The price book"
    return InvalidRequest(f"{subject} {reason}.", param=where or None)
