"""Lists of things in memory, filtered, ordered and paged exactly as `kit.pages` does in SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Any, Generic, Literal, TypeVar, cast

from msgspec import UNSET, Struct, inspect

from hearth.kit.comparisons import Comparison, Value, predicate
from hearth.kit.fields import Kind, find_field
from hearth.kit.filter_syntax import Restriction, read_filter
from hearth.kit.names import to_snake
from hearth.kit.ordering import read_key, read_order
from hearth.kit.page_tokens import bind, read_token, write_token
from hearth.kit.pages import ListQuery, Page

T = TypeVar("T")

_KINDS: dict[type[inspect.Type], Kind] = {
    inspect.StrType: "text",
    inspect.EnumType: "text",
    inspect.LiteralType: "text",
    inspect.IntType: "integer",
    inspect.FloatType: "number",
    inspect.BoolType: "boolean",
    inspect.DateTimeType: "timestamp",
}


@dataclass(frozen=True, kw_only=True)
class Field(Generic[T]):
    """What can be asked of a thing; `of` reads it, None where it has no value."""

    kind: Kind
    of: Callable[[T], Value | None]


Fields = Mapping[str, Field[T]]
"""By snake_case name; a field inside another is named `status.code`."""


@dataclass(frozen=True, kw_only=True)
class _Key(Generic[T]):
    field: Field[T]
    is_descending: bool = False

    def read(self, written: object) -> object:
        """See `ReadsKey`."""
        return read_key(written, self.field.kind)


@cache
def struct_fields(kind: type[Struct]) -> Mapping[str, Field[Any]]:
    """The scalar fields of a type, nested ones by their path."""
    return dict(_fields_below(inspect.type_info(kind), (), ()))


def select_page(
    items: Iterable[T], fields: Fields[T], unique: Sequence[str], query: ListQuery, *, scope: str
) -> Page[T]:
    """The page of things that the query asks for.

    Args:
        items: everything the caller may see, in any order.
        fields: what may be named in `filter` and `orderBy`.
        unique: the fields that are together different in each; the order without `orderBy`.
        query: what is asked.
        scope: which list this is; a page token of another is refused.

    Raises:
        InvalidRequest: the filter, the order or the token is wrong; `param` says which.
    """
    holds = compile_predicate(query.filter, fields)
    named = read_order(query.order_by, fields)
    keys = [_Key(field=field, is_descending=desc) for field, desc in named]
    keys += [_Key(field=fields[name]) for name in unique]
    found = _sorted([item for item in items if holds(item)], keys)
    binding = bind(scope, query.filter, query.order_by)
    rest = found
    if query.page_token:
        last = read_token(query.page_token, keys, binding)
        rest = [item for item in found if _follows(item, keys, last)]
    cut = rest[: query.page_size]
    token = ""
    if len(rest) > len(cut):
        token = write_token([key.field.of(cut[-1]) for key in keys], binding)
    return Page(items=cut, next_page_token=token, total_size=len(found))


def in_order(items: Sequence[T], fields: Fields[T], order_by: str) -> list[T]:
    """Things by an `orderBy`; those that tie stay in the order they are in.

    Raises:
        InvalidRequest: it cannot be read, or names an unknown field.
    """
    named = read_order(order_by, fields)
    return _sorted(items, [_Key(field=field, is_descending=desc) for field, desc in named])


def _sorted(items: Sequence[T], keys: Sequence[_Key[T]]) -> list[T]:
    found = list(items)
    for key in reversed(keys):
        found.sort(key=partial(_rank_of, key), reverse=key.is_descending)
    return found


def _rank_of(key: _Key[T], item: T) -> tuple[bool, Any]:  # Any: as `_rank`
    return _rank(key.field.of(item))


def compile_predicate(source: str, fields: Fields[T]) -> Callable[[T], bool]:
    """Turn a filter into a question to each thing; an empty one is always true.

    Raises:
        InvalidRequest: as `kit.filters.compile_filter`.
    """

    def restriction(part: Restriction) -> Callable[[T], bool]:
        field = find_field(fields, part.name, param="filter")
        holds = predicate(Comparison.of(part, field.kind))
        return lambda item: holds(field.of(item))

    return read_filter(source, restriction, _join) or (lambda _: True)


def _join(
    operator: Literal["AND", "OR", "NOT"], parts: Sequence[Callable[[T], bool]]
) -> Callable[[T], bool]:
    if operator == "NOT":
        return lambda item: not parts[0](item)
    if operator == "AND":
        return lambda item: all(part(item) for part in parts)
    return lambda item: any(part(item) for part in parts)


def _follows(item: T, keys: Sequence[_Key[T]], last: Sequence[object]) -> bool:
    """Whether a thing comes after the one with these values."""
    for key, value in zip(keys, last, strict=True):
        own, other = _rank(key.field.of(item)), _rank(value)
        if own != other:
            return own < other if key.is_descending else own > other
    return False


def _rank(value: object) -> tuple[bool, Any]:  # Any: values of one field compare with each other
    """What orders values; fields without one come first."""
    return (value is not None, value if value is not None else 0)


def _fields_below(
    info: inspect.Type, path: tuple[str, ...], wire_path: tuple[str, ...]
) -> Iterable[tuple[str, Field[Any]]]:
    if not isinstance(info, inspect.StructType):
        return
    for field in info.fields:
        place, names = (*path, field.name), (*wire_path, to_snake(field.encode_name))
        inner = _bare(field.type)
        kind = _KINDS.get(type(inner))
        if kind is not None:
            yield ".".join(names), Field(kind=kind, of=_reader(place, kind))
        yield from _fields_below(inner, place, names)


def _reader(place: tuple[str, ...], kind: Kind) -> Callable[[object], Value | None]:
    def read(item: object) -> Value | None:
        for name in place:
            if item is None or item is UNSET:
                return None
            item = getattr(item, name)
        if item is None or item is UNSET:
            return None
        if isinstance(item, datetime):
            return item
        return str(item) if kind == "text" else cast("Value", item)

    return read


def _bare(info: inspect.Type) -> inspect.Type:
    """A type without its None."""
    if isinstance(info, inspect.Metadata):
        return _bare(info.type)
    if isinstance(info, inspect.UnionType):
        rest = [each for each in info.types if not isinstance(each, inspect.NoneType)]
        return _bare(rest[0]) if len(rest) == 1 else info
    return info
