"""JSON Schemas put inside another one: references that meant the whole schema follow it."""

from __future__ import annotations

from typing import Any

# Under these keywords stand names or data, which are no schemas even if they look like one.
_MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_DATA = frozenset({"const", "enum", "default", "examples"})
_OWN = frozenset({"$schema", "$id", "id"})


def moved(schema: dict[str, Any], pointer: str) -> dict[str, Any]:  # Any: a JSON Schema
    """Return the schema as it must read at a place of another document.

    Args:
        schema: left as it is.
        pointer: of the place, such as `#/$defs/city`; local references are put before it.
    """
    own_id = schema.get("$id")
    bases = ("", own_id.rstrip("#")) if isinstance(own_id, str) else ("",)
    return {
        key: _keyword(key, value, pointer, bases)
        for key, value in schema.items()
        if key not in _OWN or not isinstance(value, str)
    }


def _keyword(key: str, value: Any, pointer: str, bases: tuple[str, ...]) -> Any:  # Any: JSON
    if key in _DATA:
        return value
    if key == "$ref" and isinstance(value, str):
        return _reference(value, pointer, bases)
    if key in _MAPS and isinstance(value, dict):
        return {name: _schema(each, pointer, bases) for name, each in value.items()}
    return _schema(value, pointer, bases)


def _schema(value: Any, pointer: str, bases: tuple[str, ...]) -> Any:  # Any: JSON
    if isinstance(value, dict):
        return {key: _keyword(key, each, pointer, bases) for key, each in value.items()}
    if isinstance(value, list):
        return [_schema(each, pointer, bases) for each in value]
    return value


def _reference(value: str, pointer: str, bases: tuple[str, ...]) -> str:
    base, _, place = value.partition("#")
    if base not in bases or (place and not place.startswith("/")):
        return value  # elsewhere, or by an anchor, which keeps its name wherever it stands
    return pointer + place
