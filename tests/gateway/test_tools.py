"""Tool calls over HTTP, as a loop of a client has them; the openai client reads the answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import openai
import pytest
from pydantic import BaseModel, Field

from tests.gateway.test_chat import ASK, stream
from tests.gateway.test_text_answer import joined
from tests.running import RunningHearth

Json = dict[str, Any]  # Any: a JSON object

PARAMETERS: Json = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 1},
        "days": {"type": "integer", "minimum": 1},
    },
    "required": ["city", "days"],
    "additionalProperties": False,
}
WEATHER: Json = {
    "type": "function",
    "function": {"name": "weather", "description": "Tells it.", "parameters": PARAMETERS},
}
CLOCK: Json = {"type": "function", "function": {"name": "clock"}}
LONG = ASK | {"max_tokens": 400, "tools": [CLOCK, WEATHER]}


@pytest.fixture(scope="module")
def client(hearth: RunningHearth) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{hearth.url}/inference/v1", api_key=hearth.credentials["api_key"], max_retries=0
    ) as client:
        yield client


def choice_of(api: httpx.Client, body: Json) -> Json:
    response = api.post("/chat/completions", json=body)
    assert response.status_code == 200, response.text
    choice: Json = response.json()["choices"][0]
    return choice


@pytest.mark.parametrize(
    "choice",
    [
        {"type": "function", "function": {"name": "weather"}},
        {"type": "function", "name": "weather"},
    ],
    ids=str,
)
def test_a_named_function_is_called_with_arguments_that_fit(
    api: httpx.Client, choice: Json
) -> None:
    answer = choice_of(api, LONG | {"tool_choice": choice})

    (call,) = answer["message"]["tool_calls"]
    assert answer["finish_reason"] == "tool_calls"
    assert answer["message"]["content"] is None
    assert (call["index"], call["type"]) == (0, "function")
    assert call["id"].startswith("call_")
    assert call["function"]["name"] == "weather"
    jsonschema.validate(json.loads(call["function"]["arguments"]), PARAMETERS)


@pytest.mark.parametrize("choice", ["any", "required", {"type": "function"}], ids=str)
def test_where_a_call_is_required_one_of_the_functions_is_called(
    api: httpx.Client, choice: object
) -> None:
    answer = choice_of(api, LONG | {"tool_choice": choice})

    assert answer["finish_reason"] == "tool_calls"
    assert answer["message"]["tool_calls"][0]["function"]["name"] in ("weather", "clock")


def test_none_calls_nothing(api: httpx.Client) -> None:
    answer = choice_of(api, LONG | {"tool_choice": "none"})

    assert "tool_calls" not in answer["message"]
    assert answer["finish_reason"] == "stop"


def test_streaming_a_call_equals_not_streaming(api: httpx.Client) -> None:
    body = LONG | {"tool_choice": {"type": "function", "function": {"name": "weather"}}}
    whole = choice_of(api, body)

    events = stream(api, "/chat/completions", body)

    def without_ids(message: Json) -> Json:
        return message | {"tool_calls": [c | {"id": ""} for c in message["tool_calls"]]}

    assert without_ids(joined(events)) == without_ids(whole["message"])
    assert events[-1]["choices"][0]["finish_reason"] == "tool_calls"
    first = next(d for e in events if (d := e["choices"][0]["delta"].get("tool_calls")))
    assert first[0]["function"]["name"] == "weather"


def test_the_older_form_is_answered_in_the_older_form(api: httpx.Client) -> None:
    body = ASK | {
        "max_tokens": 400, "functions": [WEATHER["function"]],
        "function_call": {"name": "weather"},
    }  # fmt: skip

    answer = choice_of(api, body)

    assert answer["finish_reason"] == "function_call"
    assert "tool_calls" not in answer["message"]
    jsonschema.validate(json.loads(answer["message"]["function_call"]["arguments"]), PARAMETERS)


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        ({"tools": [CLOCK, {"type": "function", "function": {
            "name": "a", "parameters": {"type": "strange"}}}]}, "tools[1]"),
        ({"functions": [{"name": "a", "parameters": {"type": "strange"}}]}, "functions[0]"),
    ],
)  # fmt: skip
def test_broken_parameters_are_named_where_the_client_wrote_them(
    api: httpx.Client, fields: Json, start: str
) -> None:
    call = {"function_call": {"name": "a"}} if "functions" in fields else {"tool_choice": "any"}

    response = api.post("/chat/completions", json=ASK | fields | call)

    assert response.status_code == 400
    param = response.json()["error"]["param"]
    assert param.startswith(start)
    assert ("function.parameters" in param) == ("tools" in fields)


@pytest.mark.parametrize("arguments", ['{"city": "Bonn", "days": 1}', {"city": "Bonn", "days": 1}])
@pytest.mark.parametrize("result", [{"tool_call_id": "call_1"}, {}], ids=str)
def test_a_result_goes_back_with_or_without_its_id(
    api: httpx.Client, arguments: object, result: Json
) -> None:
    called = {"id": "call_1", "type": "function",
              "function": {"name": "weather", "arguments": arguments}}  # fmt: skip
    messages = [
        *ASK["messages"],
        {"role": "assistant", "content": None, "tool_calls": [called]},
        {"role": "tool", "content": "Snow."} | result,
    ]

    answer = choice_of(api, LONG | {"messages": messages})

    assert answer["message"]["content"]


def test_the_openai_client_streams_a_call(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model=LONG["model"], messages=LONG["messages"], tools=LONG["tools"], max_tokens=400,
        tool_choice={"type": "function", "function": {"name": "weather"}},
    ) as events:  # fmt: skip
        final = events.get_final_completion()

    calls = final.choices[0].message.tool_calls
    assert calls
    (call,) = calls
    assert call.type == "function"
    jsonschema.validate(json.loads(call.function.arguments), PARAMETERS)


class Trip(BaseModel):
    city: str
    days: int = Field(ge=1)
    tags: list[str]


def test_the_openai_client_parses_an_answer_into_a_model(client: openai.OpenAI) -> None:
    parsed = client.chat.completions.parse(
        model=LONG["model"], messages=LONG["messages"], response_format=Trip, max_tokens=400
    )

    assert isinstance(parsed.choices[0].message.parsed, Trip)
