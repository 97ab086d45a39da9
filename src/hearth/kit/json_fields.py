"""A scalar inside a JSON column, as an expression that means the same in both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement, Float, cast, func, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from hearth.kit.columns import TEXT

Scalar = str | int | float | bool

_TYPES: dict[type, TypeEngine[Any]] = {
    str: TEXT,
    int: BigInteger(),
    float: Float(),
    bool: Boolean(),
}


class _JsonText(ColumnElement[str]):
    """The text of a value inside a JSON column; NULL where there is none."""

    inherit_cache = False
    type = TEXT

    def __init__(self, column: ColumnElement[Any], path: tuple[str, ...]) -> None:
        self.column = column
        self.path = path


@compiles(_JsonText, "sqlite")
def _in_sqlite(element: _JsonText, compiler: SQLCompiler, **kwargs: object) -> str:
    place = "".join(f'."{part}"' for part in element.path)
    return f"json_extract({compiler.process(element.column, **kwargs)}, '${place}')"


@compiles(_JsonText, "postgresql")
def _in_postgresql(element: _JsonText, compiler: SQLCompiler, **kwargs: object) -> str:
    place = ",".join(f'"{part}"' for part in element.path)
    return f"({compiler.process(element.column, **kwargs)} #>> '{{{place}}}')"


def json_field(
    column: ColumnElement[Any],  # Any: whatever the column's document holds
    path: tuple[str, ...],
    kind: type,
    default: Scalar | None = None,
) -> ColumnElement[Any]:
    """The value at a path of plain names, typed so that lists can compare and order by it.

    Args:
        column: of JSON.
        path: names of letters, digits and underscores: they become part of the statement.
        kind: str, int, float or bool; whole numbers may be written as text, as proto3 JSON does.
        default: what a document means that leaves the field out.
    """
    assert all(part.replace("_", "").isalnum() and part.isascii() for part in path), path
    text = _JsonText(column, path)
    wanted = _TYPES[kind]
    # SQLite would make a number of any text; what the document holds has been validated.
    value: ColumnElement[Any] = text if kind is str else cast(text, wanted)
    if default is None:
        return value
    return func.coalesce(value, literal(default, wanted), type_=wanted)
