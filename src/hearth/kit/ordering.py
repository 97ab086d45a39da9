"""The order of a list: `orderBy` as AIP-132 writes it, and comparing rows by it.

Fields without a value come first, and last when descending, in both databases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta
from sqlalchemy import ColumnElement, UnaryExpression, bindparam, false, or_

from hearth.errors import InvalidRequest
from hearth.kit.clock import from_rfc3339
from hearth.kit.fields import MAX_INTEGER, Column, Fields, Kind, find_field, kind_of

T = TypeVar("T")

MAX_KEYS = 8
_PARAM = "orderBy"


@dataclass(frozen=True, kw_only=True)
class SortKey:
    """One field of an order."""

    column: Column
    is_descending: bool = False

    def clause(self) -> UnaryExpression[Any]:  # Any: the type of the column
        """What ORDER BY says."""
        if self.is_descending:
            return self.column.desc().nulls_last()
        return self.column.asc().nulls_first()

    def follows(self, value: object) -> ColumnElement[bool]:
        """Whether a row comes after one that has this value."""
        if value is None:
            return false() if self.is_descending else self.column.is_not(None)
        bound = bindparam(None, value, self.column.type)  # by itself, `> True` is refused
        if self.is_descending:
            return or_(self.column < bound, self.column.is_(None))
        return self.column > bound

    def equals(self, value: object) -> ColumnElement[bool]:
        """Whether a row ties with one that has this value."""
        return self.column.is_(None) if value is None else self.column == value

    def read(self, written: object) -> object:
        """A value of this field as a page token holds it.

        Raises:
            ValueError, msgspec.ValidationError: the field has no such value.
        """
        return read_key(written, kind_of(self.column))


def read_key(written: object, kind: Kind) -> object:
    """A value of a kind as a page token holds it; raises as `SortKey.read`."""
    if kind == "timestamp" and isinstance(written, str):
        return from_rfc3339(written)
    return msgspec.convert(written, _TYPES[kind])


def parse_order(text: str, fields: Fields, unique: Sequence[str]) -> list[SortKey]:
    """Read `field[ desc],…`; the unique fields follow, so that no two rows tie.

    Raises:
        InvalidRequest: it cannot be read, or names an unknown field.
    """
    named = [SortKey(column=field, is_descending=desc) for field, desc in read_order(text, fields)]
    return [*named, *(SortKey(column=fields[name]) for name in unique)]


def read_order(text: str, fields: Mapping[str, T]) -> list[tuple[T, bool]]:
    """The fields that an order names, each with whether it descends; raises `InvalidRequest`."""
    parts = text.split(",") if text.strip() else []
    if len(parts) > MAX_KEYS:
        raise InvalidRequest(f"orderBy: at most {MAX_KEYS} fields.", param=_PARAM)
    return [_parse_key(part, fields) for part in parts]


def _parse_key(part: str, fields: Mapping[str, T]) -> tuple[T, bool]:
    match part.split():
        case [name]:
            direction = "asc"
        case [name, "asc" | "desc" as direction]:
            pass
        case _:
            raise InvalidRequest(
                f"orderBy: write `field` or `field desc`, not {part[:80]!r}.", param=_PARAM
            )
    return find_field(fields, name, param=_PARAM), direction == "desc"


# Any: the values are types themselves.
_TYPES: dict[str, Any] = {
    "text": Annotated[str, Meta(pattern=r"^[^\x00]*\Z")] | None,
    "integer": Annotated[int, Meta(ge=-MAX_INTEGER - 1, le=MAX_INTEGER)] | None,
    "number": float | None,
    "boolean": bool | None,
    "timestamp": None,  # the others are read as RFC 3339
}
