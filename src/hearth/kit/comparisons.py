"""One comparison of a filter: a field, a comparator and what was written as the value.

A comparison is true or false, never SQL's NULL: a field without a value equals nothing and is
neither less nor greater than anything. `compare` says it in SQL, `predicate` of values in memory;
both mean the same.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, not_

from hearth.errors import InvalidRequest
from hearth.kit.clock import from_rfc3339
from hearth.kit.fields import MAX_INTEGER, Column, Kind
from hearth.kit.filter_syntax import Restriction

_INTEGER = re.compile(r"[+-]?\d{1,20}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d{1,20}(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)

Value = str | int | float | bool | datetime


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """`name comparator literal`, of a field whose values are of a kind."""

    name: str
    kind: Kind
    comparator: str
    literal: str

    @classmethod
    def of(cls, part: Restriction, kind: Kind) -> Comparison:
        """What a filter says of a field of this kind."""
        return cls(name=part.name, kind=kind, comparator=part.comparator, literal=part.literal)

    @property
    def asks_presence(self) -> bool:
        """Whether it only asks whether the field is set."""
        return self.comparator == ":" and self.literal == "*"


def compare(comparison: Comparison, column: Column) -> ColumnElement[bool]:
    """The condition that a comparison stands for.

    Raises:
        InvalidRequest: the field cannot hold such a value, or not be compared so.
    """
    if comparison.asks_presence:
        return _is_set(column, comparison.kind)
    if comparison.kind == "text":
        return _compare_text(comparison, column)
    value = read_value(comparison)
    if comparison.comparator in _ORDERS:
        return _order(comparison, column, value)
    equal = and_(column.is_not(None), column == value)
    return not_(equal) if comparison.comparator == "!=" else equal


def predicate(comparison: Comparison) -> Callable[[Value | None], bool]:
    """The same of values in memory.

    Raises:
        InvalidRequest: as `compare`.
    """
    if comparison.asks_presence:
        return lambda value: value is not None and value != ""
    if comparison.kind == "text":
        return _text_predicate(comparison)
    wanted = read_value(comparison)
    if comparison.comparator in _ORDERS:
        return _order_predicate(comparison, wanted)
    if comparison.comparator == "!=":
        return lambda value: value != wanted
    return lambda value: value == wanted


def _text_predicate(comparison: Comparison) -> Callable[[Value | None], bool]:
    text = comparison.literal
    if comparison.comparator in _ORDERS:
        return _order_predicate(comparison, text)
    if comparison.comparator == ":":
        folded = _fold(text)
        return lambda value: isinstance(value, str) and folded in _fold(value)
    core = text.strip("*")
    has_head, has_tail = text[:1] == "*", text[-1:] == "*"

    def matches(value: Value | None) -> bool:
        if not isinstance(value, str):
            return False
        if has_head and has_tail:
            return core in value
        if has_tail:
            return value.startswith(core)
        return value.endswith(core) if has_head else value == text

    return (lambda value: not matches(value)) if comparison.comparator == "!=" else matches


def _order_predicate(comparison: Comparison, wanted: Value) -> Callable[[Value | None], bool]:
    order = _ORDERS[comparison.comparator]
    return lambda value: value is not None and bool(order(value, wanted))


def read_value(comparison: Comparison) -> Value:
    """What was written, as a value of the field's kind.

    Raises:
        InvalidRequest: the field cannot hold such a value, or not be compared so.
    """
    value = _READERS[comparison.kind](comparison)
    if comparison.kind == "boolean" and comparison.comparator in _ORDERS:
        raise _refusal(comparison, "only = and !=")
    return value


def _fold(text: str) -> str:
    """Only A to Z are folded: that is what both databases fold alike."""
    return text.encode().lower().decode()


def _compare_text(comparison: Comparison, column: Column) -> ColumnElement[bool]:
    text = comparison.literal
    if comparison.comparator in _ORDERS:
        return _order(comparison, column, text)
    if comparison.comparator == ":":
        found = func.lower(column).contains(_fold(text), autoescape=True)
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


def _order(comparison: Comparison, column: Column, value: Value) -> ColumnElement[bool]:
    is_so = _ORDERS[comparison.comparator](column, value)
    return and_(column.is_not(None), is_so)


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


# Any: columns give conditions, values give booleans.
_ORDERS: dict[str, Callable[[Any, Any], Any]] = {
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
