"""`response_format`: what the text of an answer must match.

Whether a schema or grammar can be honoured is the engine's to say, naming the place in it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hearth.engines.protocol import Constraint
from hearth.errors import InvalidRequest
from hearth.gateway.types import ResponseFormat

_PARAM = "response_format"
_WRAPPER = {"name", "description", "schema", "strict"}

Schema = dict[str, Any]  # Any: a JSON Schema


def read_constraint(asked: ResponseFormat | None) -> Constraint | None:
    """The constraint that a format asks for; None for text.

    Raises:
        InvalidRequest: the field that says what to match is missing or no JSON.
    """
    if asked is None or asked.type == "text":
        return None
    if asked.type == "json_object":
        if asked.schema is None:
            return Constraint("json_object", param=_PARAM)
        return schema_constraint(asked.schema, f"{_PARAM}.schema")
    if asked.type == "json_schema":
        given, place = asked.json_schema, f"{_PARAM}.json_schema"
        if given is None:
            given, place = asked.schema, f"{_PARAM}.schema"
        if given is None:
            raise _missing(f"{_PARAM}.json_schema")
        return schema_constraint(given, place)
    if asked.type == "grammar":
        if not asked.grammar:
            raise _missing(f"{_PARAM}.grammar")
        return Constraint("grammar", asked.grammar, f"{_PARAM}.grammar")
    if asked.regex is None:
        raise _missing(f"{_PARAM}.regex")
    return Constraint("regex", asked.regex, f"{_PARAM}.regex")


def schema_constraint(given: Schema | str, place: str) -> Constraint:
    """A constraint from a bare schema, its JSON text, or OpenAI's `{name, schema, strict}`.

    Args:
        place: of the schema in the request.

    Raises:
        InvalidRequest: it is text that is no JSON object, or the wrapper holds no schema.
    """
    schema = _parsed(given, place) if isinstance(given, str) else given
    if "schema" in schema or ("name" in schema and schema.keys() <= _WRAPPER):
        inner = schema.get("schema")
        if inner is None:
            raise _missing(f"{place}.schema")
        place = f"{place}.schema"
        if isinstance(inner, str):
            inner = _parsed(inner, place)
        if not isinstance(inner, dict):
            raise InvalidRequest(f"'{place}' must be an object.", param=place)
        schema = inner
    return Constraint("json_schema", msgspec.json.encode(schema).decode(), place)


def _parsed(text: str, place: str) -> Schema:
    try:
        return msgspec.json.decode(text, type=Schema)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        raise InvalidRequest(f"'{place}' is not a JSON object.", param=place) from None


def _missing(place: str) -> InvalidRequest:
    return InvalidRequest(f"'{place}' is required.", param=place)
