"""Constrained answers."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from hearth.conformance.server import Server
from hearth.conformance.suite import Check
from hearth.conformance.verdicts import expect

SCHEMA = {
    "type": "object",
    "properties": {"color": {"enum": ["red", "green"]}, "size": {"type": "integer"}},
    "required": ["color", "size"],
    "additionalProperties": False,
}


def _ask(server: Server, response_format: object) -> str:
    fields: dict[str, Any] = {"response_format": response_format, "max_tokens": 128}
    body = server.ask("/chat/completions", server.chat("Describe a ball as JSON.", **fields))
    choice = body["choices"][0]
    expect(choice["finish_reason"] == "stop", f"It ended with {choice['finish_reason']!r}.")
    text: str = choice["message"]["content"]
    return text


def _json_object(server: Server) -> None:
    text = _ask(server, {"type": "json_object", "schema": SCHEMA})
    _check(text)


def _check(text: str) -> None:
    value = msgspec.json.decode(text)
    expect(set(value) == {"color", "size"}, f"Another object: {text}.")
    expect(value["color"] in {"red", "green"}, f"Another colour: {text}.")
    expect(isinstance(value["size"], int), f"No integer: {text}.")


def _openai_schema(server: Server) -> None:
    schema = {"name": "ball", "schema": SCHEMA, "strict": True}
    _check(_ask(server, {"type": "json_schema", "json_schema": schema}))


def _bare_schema(server: Server) -> None:
    _check(_ask(server, {"type": "json_schema", "json_schema": SCHEMA}))


def _schema_text(server: Server) -> None:
    text = msgspec.json.encode(SCHEMA).decode()
    _check(_ask(server, {"type": "json_schema", "json_schema": text}))


def _grammar(server: Server) -> None:
    text = _ask(server, {"type": "grammar", "grammar": 'root ::= "yes" | "no"'})
    expect(re.fullmatch("yes|no", text) is not None, f"Against the grammar: {text!r}.")


def _broken(server: Server) -> None:
    for broken in ({"type": 5}, {"type": "object", "properties": {"a": {"type": "nothing"}}}):
        form = {"type": "json_schema", "json_schema": {"name": "x", "schema": broken}}
        answer = server.send("POST", "/chat/completions", server.chat(response_format=form))
        expect(answer.status == 400, f"The schema {broken} gives {answer.status}, not 400.")


CHECKS = [
    Check("structured", "json_object with a schema", _json_object),
    Check("structured", "json_schema in OpenAI's form", _openai_schema),
    Check("structured", "json_schema as a bare schema", _bare_schema),
    Check("structured", "json_schema as JSON text", _schema_text),
    Check("structured", "a GBNF grammar", _grammar),
    Check("structured", "a broken schema is a 400, never an unconstrained answer", _broken),
]
