"""What a resource's type says of its fields: which lists can use, which a change may set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct, inspect

from hearth.errors import InvalidRequest
from hearth.kit.fields import Fields
from hearth.kit.json_fields import Scalar
from hearth.kit.names import to_snake
from hearth.resources.store import COLUMN_FIELDS, body_field
from hearth.resources.types import KEPT, Kind

Json = dict[str, Any]  # Any: JSON of a client

_UNSPECIFIED = re.compile(r"[A-Z_]+_UNSPECIFIED")
_SCALARS: dict[type[inspect.Type], type] = {
    inspect.StrType: str,
    inspect.EnumType: str,
    inspect.LiteralType: str,
    inspect.IntType: int,
    inspect.FloatType: float,
    inspect.BoolType: bool,
}


@cache
def list_fields(kind: type[Struct]) -> Fields:
    """The scalar fields of a type, nested ones by their path, as lists may name them."""
    columns = {
        to_snake(name): COLUMN_FIELDS[to_snake(name)]
        for name in ("name", *_wire_names(kind))
        if to_snake(name) in COLUMN_FIELDS
    }
    return dict(columns) | _fields_below(inspect.type_info(kind), ())


def _fields_below(info: inspect.Type, path: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if not isinstance(info, inspect.StructType):
        return found
    for field in info.fields:
        name, place = field.encode_name, (*path, field.encode_name)
        if not path and name in KEPT:
            continue
        inner = _bare(field.type)
        scalar = _SCALARS.get(type(inner))
        if scalar is not None:
            default = field.default if isinstance(field.default, str | int | float | bool) else None
            dotted = ".".join(to_snake(part) for part in place)
            found[dotted] = body_field(place, scalar, _plain(default))
        found |= _fields_below(inner, place)
    return found


def _plain(default: Scalar | None) -> Scalar | None:
    return str(default) if isinstance(default, str) else default


def _bare(info: inspect.Type) -> inspect.Type:
    """A type without its None."""
    if isinstance(info, inspect.Metadata):
        return _bare(info.type)
    if isinstance(info, inspect.UnionType):
        rest = [each for each in info.types if not isinstance(each, inspect.NoneType)]
        return _bare(rest[0]) if len(rest) == 1 else info
    return info


def _wire_names(kind: type[Struct]) -> tuple[str, ...]:
    return tuple(field.encode_name for field in msgspec.structs.fields(kind))


def ignored_fields(kind: Kind[Any], body: Json) -> list[str]:
    """What a body says that the type does not know, or that nothing uses, in order."""
    names = _wire_names(kind.type)
    return [
        name
        for name, value in body.items()
        if name not in names or (name in kind.unused and value not in (None, "", 0, False))
    ]


def settable(kind: Kind[Any], body: Json, parent: str) -> Json:
    """What a client may set of a body; a name of somebody else's is an error, not let pass."""
    given = body.get("name")
    if isinstance(given, str) and given and not given.startswith(f"{parent}/"):
        raise InvalidRequest(
            f"name: {given[:200]!r} does not lie in {parent}, which the path names.", param="name"
        )
    without = kind.output_only | {*KEPT}
    if "expireTime" not in kind.output_only:
        without -= {"expireTime"}
    return {name: value for name, value in body.items() if name not in without}


def merge(kind: type[Struct], current: Json, change: Json) -> Json:
    """A document after a change by presence: what the change does not name stays.

    Objects of a known shape are merged field by field, maps and lists are replaced as a whole, and
    null sets a field back to its default (AIP-134, with the fields present as the mask). So does an
    enum's own word for that, such as `PRECISION_UNSPECIFIED` (AIP-126).
    """
    return _merge(inspect.type_info(kind), current, change)


def _merge(info: inspect.Type, current: Json, change: Json) -> Json:
    shapes = (
        {field.encode_name: _bare(field.type) for field in info.fields}
        if isinstance(info, inspect.StructType)
        else {}
    )
    merged = dict(current)
    for name, value in change.items():
        inner, before = shapes.get(name), current.get(name)
        if value is None or (isinstance(value, str) and _UNSPECIFIED.fullmatch(value)):
            merged.pop(name, None)
        elif isinstance(inner, inspect.StructType) and isinstance(value, dict):
            merged[name] = _merge(inner, before if isinstance(before, dict) else {}, value)
        else:
            merged[name] = value
    return merged


def masked(change: Json, mask: Sequence[str]) -> Json:
    """The part of a change that a mask names; what the mask names and the body lacks is null."""
    chosen: Json = {}
    for path in mask:
        source: Any = change
        target = chosen
        *parents, last = path.split(".")
        for parent in parents:
            source = source.get(parent) if isinstance(source, dict) else None
            target = target.setdefault(parent, {})
        target[last] = source.get(last) if isinstance(source, dict) else None
    return chosen
