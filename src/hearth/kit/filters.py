"""Filters of lists, as AIP-160 writes them, compiled to SQL; `kit.filter_syntax` reads them.

`:` asks whether a text contains the value, letters' case aside; `field:*` whether the field is
set. A `*` at the start or end of a text compared with `=` or `!=` stands for anything. A field
without a value equals nothing and is neither less nor greater, so `NOT` always turns a filter into
its opposite.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import ColumnElement, and_, not_, or_, true

from hearth.kit.comparisons import Comparison, compare
from hearth.kit.fields import Fields, find_field, kind_of
from hearth.kit.filter_syntax import Restriction, read_filter

Condition = ColumnElement[bool]


def compile_filter(source: str, fields: Fields) -> Condition:
    """Turn a filter into a condition on the declared fields; an empty one is always true.

    Raises:
        InvalidRequest: it cannot be read, names an unknown field, or compares a field with a
            value that it cannot hold; `param` is "filter".
    """

    def restriction(part: Restriction) -> Condition:
        column = find_field(fields, part.name, param="filter")
        return compare(Comparison.of(part, kind_of(column)), column)

    condition = read_filter(source, restriction, _join)
    return true() if condition is None else condition


def _join(operator: Literal["AND", "OR", "NOT"], parts: Sequence[Condition]) -> Condition:
    if operator == "NOT":
        return not_(parts[0])
    return and_(*parts) if operator == "AND" else or_(*parts)
