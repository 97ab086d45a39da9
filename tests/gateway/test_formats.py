"""`response_format` over HTTP: every way to say what an answer must match, and what is none."""

from __future__ import annotations

import json
from typing import Any

import httpx
import jsonschema
import pytest

from tests.gateway.test_chat import ASK, stream

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2},
        "größe": {"type": "integer", "minimum": 3},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2},
    },
    "required": ["name", "größe", "tags"],
    "additionalProperties": False,
}
LONG = ASK | {"max_tokens": 200}

FORMATS = [
    {"type": "json_object", "schema": SCHEMA},
    {"type": "json_object", "schema": json.dumps(SCHEMA)},
    {"type": "json_schema", "json_schema": SCHEMA},
    {"type": "json_schema", "json_schema": json.dumps(SCHEMA)},
    {"type": "json_schema", "json_schema": {"name": "it", "schema": SCHEMA, "strict": True}},
    {"type": "json_schema", "json_schema": {"schema": SCHEMA}},
    {"type": "json_schema", "schema": SCHEMA},
]


@pytest.mark.parametrize("format_", FORMATS, ids=str)
def test_a_schema_in_any_form_is_kept(api: httpx.Client, format_: dict[str, Any]) -> None:
    choice = api.post("/chat/completions", json=LONG | {"response_format": format_}).json()[
        "choices"
    ][0]

    assert choice["finish_reason"] == "stop"
    jsonschema.validate(json.loads(choice["message"]["content"]), SCHEMA)


def test_streaming_a_schema_equals_not_streaming(api: httpx.Client) -> None:
    body = LONG | {"response_format": FORMATS[0]}
    whole = api.post("/chat/completions", json=body).json()

    events = stream(api, "/chat/completions", body)

    text = "".join(e["choices"][0]["delta"].get("content", "") for e in events)
    assert text == whole["choices"][0]["message"]["content"]


def test_a_text_cut_by_max_tokens_says_length(api: httpx.Client) -> None:
    body = ASK | {"max_tokens": 3, "response_format": FORMATS[0]}

    assert api.post("/chat/completions", json=body).json()["choices"][0]["finish_reason"] == (
        "length"
    )


def test_completions_keep_a_regex(api: httpx.Client) -> None:
    body = {"model": ASK["model"], "prompt": "Date:", "max_tokens": 40}
    format_ = {"type": "regex", "regex": "[0-9]{4}-[0-9]{2}"}

    answer = api.post("/completions", json=body | {"response_format": format_}).json()

    assert answer["choices"][0]["text"] == "0000-00"


def test_json_without_a_schema_is_an_object(api: httpx.Client) -> None:
    body = LONG | {"response_format": {"type": "json_object"}}

    answer = api.post("/chat/completions", json=body).json()

    assert isinstance(json.loads(answer["choices"][0]["message"]["content"]), dict)


def test_text_with_empty_fields_asks_for_nothing(api: httpx.Client) -> None:
    format_ = {"type": "text", "schema": None, "json_schema": None}

    with_it = api.post("/chat/completions", json=ASK | {"response_format": format_}).json()

    assert with_it["choices"] == api.post("/chat/completions", json=ASK).json()["choices"]


@pytest.mark.parametrize(
    ("format_", "param"),
    [
        ({"type": "json"}, "response_format.type"),
        ({}, "response_format.type"),
        ({"type": "json_schema"}, "response_format.json_schema"),
        ({"type": "json_schema", "json_schema": "{"}, "response_format.json_schema"),
        ({"type": "json_schema", "json_schema": "[1]"}, "response_format.json_schema"),
        ({"type": "json_schema", "json_schema": {"name": "x"}},
         "response_format.json_schema.schema"),
        ({"type": "json_schema", "json_schema": {"name": "x", "schema": 3}},
         "response_format.json_schema.schema"),
        ({"type": "json_object", "schema": "nonsense"}, "response_format.schema"),
        ({"type": "grammar"}, "response_format.grammar"),
        ({"type": "regex"}, "response_format.regex"),
        ({"type": "regex", "regex": "("}, "response_format.regex"),
    ],
)  # fmt: skip
def test_what_is_no_format_is_a_400_that_names_the_place(
    api: httpx.Client, format_: dict[str, Any], param: str
) -> None:
    response = api.post("/chat/completions", json=ASK | {"response_format": format_})

    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


def test_a_broken_schema_is_a_400_that_names_the_place_in_it(api: httpx.Client) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "strange"}}}
    format_ = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}

    response = api.post("/chat/completions", json=ASK | {"response_format": format_})

    assert response.status_code == 400
    assert response.json()["error"]["param"].startswith("response_format.json_schema.schema")
