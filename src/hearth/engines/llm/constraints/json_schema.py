"""A JSON Schema as llguidance is given it: checked keyword by keyword, and closed.

https://json-schema.org/draft/2020-12; the older spellings of drafts 4 to 2019-09 are understood.
Keywords that constrain nothing are left out. Those that llguidance cannot guarantee are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from hearth.engines.llm.constraints import checking
from hearth.engines.llm.constraints.refusals import inside, refused
from hearth.engines.llm.constraints.schema_keywords import (
    NARROWED,
    REFUSED,
    check_pattern,
    checked_value,
)
from hearth.engines.llm.constraints.schema_refs import Pointers, open_schemas

_MAX_DEPTH = 50
_MAX_SCHEMAS = 1000
_INWARD = 1e-6
_MAX_TRIALS = 200  # of parts, to find the one that cannot be compiled; below 1 ms each
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAPS = ("properties", "patternProperties")

Schema = dict[str, Any] | bool  # Any: JSON values, each checked by its keyword


class PreparedSchema:
    """What came of a schema: its root, and what its references point to, by new names."""

    def __init__(self) -> None:
        self.root: object = True
        self.definitions: dict[str, object] = {}
        self.parts: list[tuple[str, Schema]] = []
        "Every schema with its place, inner ones before those that hold them."

    def innermost(self, fault: Callable[[Schema], str | None]) -> tuple[str, str] | None:
        """Return the place and reason of the innermost fault, if it is found soon enough."""
        for place, part in self.parts[:_MAX_TRIALS]:
            if part is not False and (reason := fault(part)):
                return place, reason
        return None


def prepared(text: str, param: str) -> PreparedSchema:
    """Check a schema and return it in llguidance's terms.

    Raises:
        Failed: it is broken or asks for what cannot be guaranteed; the place is named.
    """
    try:
        source = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise refused(f"no JSON: {error}", param) from None
    except RecursionError:
        raise refused(f"nested deeper than {_MAX_DEPTH}.", param) from None
    return _Preparation(source, param).run()


class _Preparation:
    """One schema being prepared; follows references breadth first."""

    def __init__(self, source: Any, param: str) -> None:  # Any: a JSON value, not checked yet
        self._source = source
        self._param = param
        self._pointers = Pointers(source, param)
        self._open = open_schemas(source, self._pointers)
        self._result = PreparedSchema()

    def run(self) -> PreparedSchema:
        self._result.root = self._schema(self._source, self._param, 0)
        for name, target in self._pointers:  # there come more while it is walked
            self._result.definitions[name] = self._schema(target.schema, target.place, 0)
        return self._result

    def _schema(self, source: Any, place: str, depth: int) -> Schema:
        if depth > _MAX_DEPTH:
            raise refused(f"nested deeper than {_MAX_DEPTH}.", place)
        if len(self._result.parts) >= _MAX_SCHEMAS:
            raise refused(f"more than {_MAX_SCHEMAS} schemas.", self._param)
        if isinstance(source, bool):
            out: Schema = source
        elif isinstance(source, dict):
            out = self._object(source, place, depth)
        else:
            raise refused("no schema: it has to be an object, true or false.", place)
        self._result.parts.append((place, out))
        return out

    def _object(self, source: dict[str, Any], place: str, depth: int) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for keyword, value in _modern(source).items():
            where = inside(place, keyword)
            if keyword == "$ref":
                out["$ref"] = f"#/$defs/{self._pointers.add(value, where)}"
            elif keyword in _LISTS:
                out[keyword] = self._list(value, where, depth)
            elif keyword in _MAPS:
                out[keyword] = self._map(value, where, depth)
            elif keyword in {"items", "additionalProperties"}:
                out[keyword] = self._schema(value, where, depth + 1)
            elif keyword in REFUSED and not (keyword == "uniqueItems" and value is False):
                raise refused(REFUSED[keyword], where)
            else:
                out |= checked_value(keyword, value, where)
        _without_exclusive_bounds(out)
        if patterns := NARROWED.get(out.get("format", "")):
            out["allOf"] = [*out.get("allOf", []), *({"pattern": each} for each in patterns)]
        if id(source) not in self._open and _can_be_closed(out):
            out["additionalProperties"] = False
        _check_min_properties(out, inside(place, "minProperties"))
        _check_pattern_properties(out, inside(place, "patternProperties"))
        return out

    def _list(self, value: Any, place: str, depth: int) -> list[Schema]:
        if not isinstance(value, list) or not value:
            raise refused("has to be a list of schemas that is not empty.", place)
        return [self._schema(item, inside(place, n), depth + 1) for n, item in enumerate(value)]

    def _map(self, value: Any, place: str, depth: int) -> dict[str, Schema]:
        if not isinstance(value, dict):
            raise refused("has to be an object of schemas.", place)
        return {key: self._schema(v, inside(place, key), depth + 1) for key, v in value.items()}


def _modern(source: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords of older drafts as those of 2020-12."""
    out = dict(source)
    if isinstance(out.get("items"), list):
        out["prefixItems"] = out.pop("items")
        if "additionalItems" in out:
            out["items"] = out["additionalItems"]
    for which in ("minimum", "maximum"):
        exclusive = f"exclusive{which.capitalize()}"
        if isinstance(out.get(exclusive), bool) and out.pop(exclusive) and which in out:
            out[exclusive] = out.pop(which)
    return out


def _without_exclusive_bounds(schema: dict[str, Any]) -> None:
    """Move bounds a millionth inward: llguidance admits 13.0 where 13 is excluded."""
    if schema.get("type") == "integer":
        return
    if "exclusiveMinimum" in schema:
        least = schema.pop("exclusiveMinimum") + _INWARD
        schema["minimum"] = max(least, schema.get("minimum", least))
    if "exclusiveMaximum" in schema:
        most = schema.pop("exclusiveMaximum") - _INWARD
        schema["maximum"] = min(most, schema.get("maximum", most))


def _can_be_closed(schema: dict[str, Any]) -> bool:
    properties = schema.get("properties")
    if properties is None or "additionalProperties" in schema:
        return False
    return all(name in properties for name in schema.get("required", ()))


def _check_min_properties(schema: dict[str, Any], place: str) -> None:
    """Refuse a count that a property written twice would satisfy."""
    least = schema.get("minProperties", 0)
    is_closed = schema.get("additionalProperties") is False and "patternProperties" not in schema
    if not is_closed and least > len(schema.get("required", ())) + 1:
        raise refused("cannot be guaranteed where property names are free.", place)


def _check_pattern_properties(schema: dict[str, Any], place: str) -> None:
    """Refuse patterns that a named property matches, too: both schemas would apply to it."""
    for pattern in schema.get("patternProperties", ()):
        where = inside(place, pattern)
        check_pattern(pattern, where)
        for name in schema.get("properties", ()):
            if checking.matches_pattern(pattern, name):
                raise refused(f"cannot be guaranteed: the property {name!r} matches it.", where)
