"""One comparison of a filter: a field, a comparator and what was written as the value.

A comparison is true or false, never SQL's NULL: a field without a value equals nothing and is
neither less nor greater than anything.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, not_

from hearth.errors import InvalidRequest
from hearth.kit.clock import from_rfc3339
from hearth.kit.fields import MAX_INTEGER, Column, Kind, kind_of

_INTEGER = re.compile(r"[+-]?\d{1,20}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d{1,20}(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)

Value = str | int | float | bool | datetime


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """`name comparator literal`; the literal is without its quotes."""

    name: str
    column: Column
    comparator: str
    literal: str


def compare(comparison: Comparison) -> ColumnElement[bool]:
    """The condition that a comparison stands for.

    Raises:
        InvalidRequest: the field cannot hold such a value, or not be compared so.
    """
    kind = kind_of(comparison.column)
    if comparison.comparator == ":" and comparison.literal == "*":
        return _is_set(comparison.column, kind)
    if kind == "text":
        return _compare_text(comparison)
    value = _READERS[kind](comparison)
    if comparison.comparator in _ORDERS:
        if kind == "boolean":
            raise _refusal(comparison, "only = and !=")
        return _order(comparison, value)
    equal = and_(comparison.column.is_not(None), comparison.column == value)
    return not_(equal) if comparison.comparator == "!=" else equal


def _compare_text(comparison: Comparison) -> ColumnElement[bool]:
    column, text = comparison.column, comparison.literal
    if comparison.comparator in _ORDERS:
        return _order(comparison, text)
    if comparison.comparator == ":":
        # Only A to Z are folded: that is what both databases fold alike.
        folded = text.encode().lower().decode()
        found = func.lower(column).contains(folded, autoescape=True)
        return and_(column.is_not(None), found)
    equal = and_(column.is_not(None), _matches(column, text))
    return not_(equal) if comparison.comparator == "!=" else equal


def _matches(column: Column, text: str) -> ColumnElement[bool]:
    """Equality, where a `*` at either end stands for anything; LIKE would fold case in SQLite."""
    core = text.strip("*")
    if core == text:
        return column == text
    if not core:
        return column.is_not(None)
    if text[0] == text[-1] == "*":
        return func.replace(column, core, "") != column
    if text[-1] == "*":
        return func.substr(column, 1, len(core)) == core
    return func.substr(column, func.length(column) - len(core) + 1) == core


def _is_set(column: Column, kind: Kind) -> ColumnElement[bool]:
    has_value = column.is_not(None)
    return and_(has_value, column != "") if kind == "text" else has_value


def _order(comparison: Comparison, value: Value) -> ColumnElement[bool]:
    is_so = _ORDERS[comparison.comparator](comparison.column, value)
    return and_(comparison.column.is_not(None), is_so)


def _read_timestamp(comparison: Comparison) -> datetime:
    try:
        return from_rfc3339(comparison.literal)
    except ValueError as error:
        raise _refusal(comparison, "a time such as 2026-01-31T12:00:00Z") from error


def _read_number(comparison: Comparison) -> int | float:
    text = comparison.literal
    if not _NUMBER.fullmatch(text):
        raise _refusal(comparison, "a number")
    number = int(text) if _INTEGER.fullmatch(text) else float(text)
    if abs(number) > MAX_INTEGER:  # infinity is larger too
        raise _refusal(comparison, "a number of at most 64 bits")
    return number


def _read_boolean(comparison: Comparison) -> bool:
    if comparison.literal not in {"true", "false"}:
        raise _refusal(comparison, "true or false")
    return comparison.literal == "true"


def _refusal(comparison: Comparison, wanted: str) -> InvalidRequest:
    written = f"{comparison.comparator} {comparison.literal[:80]!r}"
    return InvalidRequest(
        f"filter: {comparison.name} takes {wanted}; it cannot be {written}.", param="filter"
    )


_ORDERS: dict[str, Callable[[Column, Value], ColumnElement[bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_READERS: dict[Kind, Callable[[Comparison], Value]] = {
    "integer": _read_number,
    "number": _read_number,
    "boolean": _read_boolean,
    "timestamp": _read_timestamp,
}
