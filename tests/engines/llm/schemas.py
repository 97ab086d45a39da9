"""Random JSON Schemas: nested objects and arrays, unions, enums, formats, bounds, references."""

from __future__ import annotations

import random
from typing import Any

_KEYS = ["name", "age", "größe", "名前", "a b", 'quo"te', "x-1", "emoji😀", "back\\slash"]
_CONSTANTS = ["red", "grün", 7, -2.5, True, None, "", {"k": [1, "v"]}, ["a", 1], '"']
_FORMATS = ["date", "time", "date-time", "uuid", "ipv4", "email", "hostname", "duration"]

Schema = dict[str, Any]


def random_schema(seed: int) -> Schema:
    """An object whose definitions refer to each other, recursion included."""
    draw = random.Random(seed)
    schema = _object(draw, depth=3)
    schema["$defs"] = {
        "leaf": _scalar(draw),
        "tree": {
            "type": "object",
            "properties": {
                "value": {"$ref": "#/$defs/leaf"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "maxItems": 2},
            },
            "required": ["value"],
        },
    }
    return schema


def _any(draw: random.Random, depth: int) -> Schema:
    if depth == 0:
        return _scalar(draw)
    kind = draw.choice(["object", "array", "anyOf", "ref", "scalar", "scalar", "allOf"])
    if kind == "object":
        return _object(draw, depth)
    if kind == "array":
        least = draw.randint(0, 2)
        items = _any(draw, depth - 1)
        return {"type": "array", "items": items, "minItems": least, "maxItems": least + 1}
    if kind == "anyOf":
        return {"anyOf": [_any(draw, depth - 1), {"type": "null"}, _scalar(draw)]}
    if kind == "ref":
        return {"$ref": draw.choice(["#/$defs/leaf", "#/$defs/tree"])}
    if kind == "allOf":
        return {"allOf": [_part("left"), _part("right")], "title": "two parts"}
    return _scalar(draw)


def _object(draw: random.Random, depth: int) -> Schema:
    names = draw.sample(_KEYS, draw.randint(1, 3))
    schema: Schema = {
        "type": "object",
        "properties": {name: _any(draw, depth - 1) for name in names},
        "required": names[: draw.randint(0, len(names))],
        "description": "random",
    }
    if draw.random() < 0.2:
        schema["additionalProperties"] = False
    return schema


def _part(name: str) -> Schema:
    return {"type": "object", "properties": {name: {"type": "integer"}}, "required": [name]}


def _scalar(draw: random.Random) -> Schema:
    low = draw.randint(-50, 50)
    return draw.choice(
        [
            {"type": "boolean"},
            {"type": "integer", "minimum": low, "maximum": low + draw.randint(0, 90)},
            {"type": "integer", "multipleOf": draw.randint(1, 9), "exclusiveMinimum": low},
            {"type": "number", "exclusiveMinimum": low, "maximum": low + 1.5},
            {"type": "string", "minLength": draw.randint(0, 2), "maxLength": draw.randint(2, 9)},
            {"type": "string", "format": draw.choice(_FORMATS)},
            {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{1,3}$"},
            {"enum": draw.sample(_CONSTANTS, draw.randint(1, 4))},
            {"const": draw.choice(_CONSTANTS)},
            {"type": ["string", "null"], "maxLength": 5},
        ]
    )
