"""The Messages API over HTTP: shapes, events and errors as Anthropic's clients expect them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.running import RunningHearth

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
HELLO = [{"role": "user", "content": "Hello?"}]
ASK: dict[str, Any] = {"model": MODEL, "messages": HELLO, "max_tokens": 12, "seed": 7}
TOOL = {"name": "weather", "input_schema": {"type": "object"}}

Json = dict[str, Any]


def ask(api: httpx.Client, **fields: Any) -> Json:
    response = api.post("/messages", json=ASK | fields)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def events_of(api: httpx.Client, **fields: Any) -> list[Json]:
    with api.stream("POST", "/messages", json=ASK | {"stream": True} | fields) as response:
        assert response.status_code == 200, response.read()
        frames = b"".join(response.iter_bytes()).decode().split("\n\n")
    assert frames.pop() == ""
    events = []
    for frame in frames:
        name, data = frame.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    return events


def refused(response: httpx.Response) -> Json:
    body: Json = response.json()
    assert body["type"] == "error"
    assert body["request_id"] == response.headers["request-id"]
    error: Json = body["error"]
    return error


def test_an_answer_has_the_documented_shape(api: httpx.Client) -> None:
    response = api.post("/messages", json=ASK)

    answer = response.json()
    assert answer["id"].startswith("msg_")
    assert (answer["type"], answer["role"]) == ("message", "assistant")
    assert [block["type"] for block in answer["content"]] == ["text"]
    assert answer["stop_reason"] == "max_tokens"
    assert answer["stop_sequence"] is None
    assert answer["usage"]["output_tokens"] == 12
    assert answer["usage"]["input_tokens"] == int(response.headers["fireworks-prompt-tokens"])
    assert response.headers["request-id"] == response.headers["x-request-id"]


def test_an_answer_is_that_of_the_same_chat(api: httpx.Client) -> None:
    chat = {
        "model": MODEL, "max_tokens": 12, "seed": 7,
        "messages": [{"role": "system", "content": "Be brief."}, *HELLO],
    }  # fmt: skip

    answer = ask(api, system=[{"type": "text", "text": "Be brief."}])

    told = api.post("/chat/completions", json=chat).json()
    assert answer["content"][0]["text"] == told["choices"][0]["message"]["content"]
    assert answer["usage"]["input_tokens"] == told["usage"]["prompt_tokens"]


def test_the_events_come_in_the_documented_order(api: httpx.Client) -> None:
    events = events_of(api)

    kinds = [event["type"] for event in events]
    assert kinds[:3] == ["message_start", "ping", "content_block_start"]
    assert set(kinds[3:-3]) == {"content_block_delta"}
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]


def test_streaming_equals_not_streaming(api: httpx.Client) -> None:
    whole = ask(api)

    events = events_of(api)

    deltas = [e["delta"]["text"] for e in events if e["type"] == "content_block_delta"]
    assert "".join(deltas) == whole["content"][0]["text"]
    (told,) = [event for event in events if event["type"] == "message_delta"]
    assert told["usage"] == whole["usage"]
    assert told["delta"]["stop_reason"] == whole["stop_reason"]
    started = events[0]["message"]
    assert started["usage"]["input_tokens"] == whole["usage"]["input_tokens"]
    own = {"id", "content", "stop_reason", "usage"}
    assert {k: v for k, v in started.items() if k not in own} == {
        k: v for k, v in whole.items() if k not in own
    }


def test_an_answer_that_ends_by_itself_says_end_turn(api: httpx.Client) -> None:
    assert ask(api, max_tokens=500)["stop_reason"] == "end_turn"
    assert ask(api, max_tokens=None)["stop_reason"] == "end_turn"


@pytest.mark.parametrize(
    "rest",
    [{}, {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2048}],
    ids=["plain", "thinking"],
)
def test_the_stop_sequence_that_ended_the_text_is_told(api: httpx.Client, rest: Json) -> None:
    rest = {"max_tokens": 500} | rest
    text = ask(api, **rest)["content"][-1]["text"]
    stop = text[4:8]
    stops = {"stop_sequences": ["never in it", stop]}

    whole = ask(api, **rest, **stops)
    events = events_of(api, **rest, **stops)

    assert whole["content"][-1]["text"] == text[: text.index(stop)]
    told = {"stop_reason": "stop_sequence", "stop_sequence": stop}
    assert whole | told == whole
    assert [e["delta"] for e in events if e["type"] == "message_delta"] == [told]
    other = ask(api, **rest, stop_sequences=["never in it"])
    assert (other["stop_reason"], other["stop_sequence"]) == ("end_turn", None)


BLOCKS = {
    "messages[0].content[0].type": [{"type": "image", "source": {"type": "url", "url": "x"}}],
    "messages[0].content[1].type": [
        {"type": "text", "text": "Read it."}, {"type": "document", "source": {}},
    ],
    "messages[0].content[0].tool_use_id": [
        {"type": "tool_result", "tool_use_id": "toolu_x", "content": "1"},
    ],
}  # fmt: skip


@pytest.mark.parametrize("place", BLOCKS)
def test_a_block_that_nothing_reads_is_refused(api: httpx.Client, place: str) -> None:
    messages = [{"role": "user", "content": BLOCKS[place]}]

    response = api.post("/messages", json=ASK | {"messages": messages})

    assert response.status_code == 400
    assert refused(response)["type"] == "invalid_request_error"


REFUSED: dict[str, Json] = {
    "web_search_20250305": {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    "tools[0].input_schema": {"tools": [{"name": "x"}]},
    "tool_choice": {"tool_choice": {"type": "any"}},
    "other": {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "other"}},
    "budget_tokens": {"thinking": {"type": "enabled"}},
    "must be greater": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    "last turn": {"messages": [*HELLO, {"role": "assistant", "content": "I"}]},
    "temperature": {"temperature": 1.5},
    "top_k": {"top_k": -1},
    "messages": {"messages": []},
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_not_supported_is_refused_in_words(api: httpx.Client, words: str) -> None:
    response = api.post("/messages", json=ASK | REFUSED[words])

    assert response.status_code == 400
    assert words in refused(response)["message"]


def test_errors_have_anthropics_shape_from_the_first_byte(
    hearth: RunningHearth, api: httpx.Client
) -> None:
    with hearth.client(key="fw_wrong") as stranger:
        key = stranger.post("/messages", json=ASK)
    model = api.post("/messages", json=ASK | {"model": "accounts/x/models/none"})
    garbage = api.post("/messages", content=b"{")
    method = api.get("/messages")

    assert (key.status_code, refused(key)["type"]) == (401, "authentication_error")
    assert (model.status_code, refused(model)["type"]) == (404, "not_found_error")
    assert (garbage.status_code, refused(garbage)["type"]) == (400, "invalid_request_error")
    assert (method.status_code, method.json()["type"]) == (405, "error")


def test_the_key_may_come_as_x_api_key(hearth: RunningHearth) -> None:
    headers = {"x-api-key": hearth.credentials["api_key"]}

    response = httpx.post(f"{hearth.url}/inference/v1/messages", json=ASK, headers=headers)

    assert response.status_code == 200


def test_unknown_fields_are_ignored_and_named(api: httpx.Client) -> None:
    cached = [{"type": "text", "text": "Hello?", "cache_control": {"type": "ephemeral"}}]
    messages = [{"role": "user", "content": cached}]

    response = api.post("/messages", json=ASK | {"messages": messages, "zebra": 1})

    assert response.headers["x-ignored-fields"] == "zebra"
    assert response.json()["content"] == ask(api)["content"]
