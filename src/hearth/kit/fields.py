"""The fields a list may be filtered and ordered by, and the SQL each stands for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeVar

from sqlalchemy import ColumnElement

from hearth.errors import InvalidRequest
from hearth.kit.names import to_camel, to_snake

Column = ColumnElement[Any]  # Any: a column of whatever type; `kind_of` tells which
Fields = Mapping[str, Column]
"""Column by snake_case field name; a field inside another is named `status.code`."""

T = TypeVar("T")

Kind = Literal["text", "integer", "number", "boolean", "timestamp"]

_KINDS: dict[type, Kind] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "boolean",
    datetime: "timestamp",
}

MAX_INTEGER = 2**63 - 1  # what both databases hold


def kind_of(column: Column) -> Kind:
    """What a field's values are."""
    return _KINDS[column.type.python_type]


def find_field(fields: Mapping[str, T], name: str, *, param: str) -> T:
    """Look a field up by its snake_case or camelCase name.

    Raises:
        InvalidRequest: the list has no such field; the message names those it has.
    """
    found = fields.get(to_snake(name))
    if found is None:
        known = ", ".join(to_camel(field) for field in fields)
        raise InvalidRequest(f"{param}: there is no field {name!r}; use {known}.", param=param)
    return found
