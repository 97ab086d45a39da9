"""The Responses API over HTTP: shapes, events, and conversations that go on."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.running import RunningHearth

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
ASK: dict[str, Any] = {"model": MODEL, "input": "Hello?", "max_output_tokens": 12, "seed": 7}
FUNCTION = {
    "type": "function",
    "name": "weather",
    "description": "Tell the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}

Json = dict[str, Any]


def ask(api: httpx.Client, **fields: Any) -> Json:
    response = api.post("/responses", json=ASK | fields)
    assert response.status_code == 200, response.text
    answer: Json = response.json()
    return answer


def text_of(answer: Json) -> str:
    return "".join(
        part["text"] for item in answer["output"] if item["type"] == "message"
        for part in item["content"]
    )  # fmt: skip


def events_of(api: httpx.Client, **fields: Any) -> list[Json]:
    with api.stream("POST", "/responses", json=ASK | {"stream": True} | fields) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        frames = b"".join(response.iter_bytes()).decode().split("\n\n")
    assert frames.pop() == ""
    events = []
    for frame in frames:
        name, data = frame.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    return events


def refused(api: httpx.Client, **fields: Any) -> Json:
    response = api.post("/responses", json=ASK | fields)
    assert response.status_code == 400, response.text
    error: Json = response.json()["error"]
    return error


def test_an_answer_has_the_documented_shape(api: httpx.Client) -> None:
    answer = ask(api, metadata={"a": "b"}, instructions="Be brief.", user="u1")

    assert answer["id"].startswith("resp_")
    assert len(answer["id"]) == len("resp_") + 32
    assert answer["object"] == "response"
    assert answer["status"] == "incomplete"
    assert answer["incomplete_details"] == {"reason": "max_output_tokens"}
    (item,) = answer["output"]
    assert item["id"].startswith("msg_")
    assert (item["type"], item["role"]) == ("message", "assistant")
    assert item["content"][0]["type"] == "output_text"
    assert answer["metadata"] == {"a": "b"}
    assert answer["instructions"] == "Be brief."
    assert answer["user"] == "u1"
    assert answer["previous_response_id"] is None
    assert answer["error"] is None


def test_usage_has_the_names_of_both_apis(api: httpx.Client) -> None:
    usage = ask(api)["usage"]

    assert usage["input_tokens"] == usage["prompt_tokens"] > 0
    assert usage["output_tokens"] == usage["completion_tokens"] == 12
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_an_answer_is_that_of_the_same_chat(api: httpx.Client) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello?"},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "Well."},
    ]
    chat = {"model": MODEL, "messages": messages, "max_tokens": 12, "seed": 7}

    answer = ask(api, instructions="Be brief.", input=messages[1:])

    told = api.post("/chat/completions", json=chat).json()
    assert text_of(answer) == told["choices"][0]["message"]["content"]
    assert answer["usage"]["prompt_tokens"] == told["usage"]["prompt_tokens"]


def test_the_events_come_numbered_and_in_the_documented_order(api: httpx.Client) -> None:
    events = events_of(api)

    kinds = [event["type"] for event in events]
    assert kinds[:4] == [
        "response.created", "response.in_progress", "response.output_item.added",
        "response.content_part.added",
    ]  # fmt: skip
    assert set(kinds[4:-4]) == {"response.output_text.delta"}
    assert kinds[-4:] == [
        "response.output_text.done", "response.content_part.done", "response.output_item.done",
        "response.incomplete",
    ]  # fmt: skip
    assert [event["sequence_number"] for event in events] == list(range(len(events)))


def test_streaming_equals_not_streaming(api: httpx.Client) -> None:
    whole = ask(api, max_output_tokens=500)

    events = events_of(api, max_output_tokens=500)

    final = events[-1]["response"]
    assert events[-1]["type"] == "response.completed"
    deltas = [e["delta"] for e in events if e["type"] == "response.output_text.delta"]
    assert "".join(deltas) == text_of(final) == text_of(whole)
    assert final["usage"] == whole["usage"]
    own = {"id", "created_at", "output"}
    assert {k: v for k, v in final.items() if k not in own} == {
        k: v for k, v in whole.items() if k not in own
    }


def test_a_kept_response_is_found_as_it_was_sent(api: httpx.Client) -> None:
    answer = ask(api)

    assert api.get(f"/responses/{answer['id']}").json() == answer


def test_a_streamed_response_is_found_as_its_last_event_told_it(api: httpx.Client) -> None:
    final = events_of(api)[-1]["response"]

    assert api.get(f"/responses/{final['id']}").json() == final


def test_what_is_not_to_be_kept_has_no_id(api: httpx.Client) -> None:
    before = api.get("/responses?limit=1").json()["first_id"]

    answer = ask(api, store=False)

    assert (answer["id"], answer["store"]) == (None, False)
    assert api.get("/responses?limit=1").json()["first_id"] == before


def test_a_deleted_response_is_gone(api: httpx.Client) -> None:
    path = f"/responses/{ask(api)['id']}"

    deleted = api.delete(path)

    assert deleted.json() == {"message": "Response deleted successfully"}
    assert api.get(path).status_code == 404
    assert api.delete(path).status_code == 404


def test_a_conversation_goes_on_from_a_kept_response(api: httpx.Client) -> None:
    first = ask(api, instructions="Not carried over.")

    second = ask(api, input="And?", previous_response_id=first["id"])
    third = ask(api, input="So?", previous_response_id=second["id"])

    told = [
        {"role": "user", "content": "Hello?"},
        {"role": "assistant", "content": text_of(first)},
        {"role": "user", "content": "And?"},
        {"role": "assistant", "content": text_of(second)},
        {"role": "user", "content": "So?"},
    ]
    assert text_of(third) == text_of(ask(api, input=told))
    assert third["previous_response_id"] == second["id"]


def test_a_deleted_link_is_named_when_the_conversation_should_go_on(api: httpx.Client) -> None:
    first = ask(api)
    second = ask(api, previous_response_id=first["id"])
    api.delete(f"/responses/{first['id']}")

    error = refused(api, previous_response_id=second["id"])

    assert error["param"] == "previous_response_id"
    assert first["id"] in error["message"]


def test_an_unknown_previous_response_is_not_found(api: httpx.Client) -> None:
    response = api.post("/responses", json=ASK | {"previous_response_id": "resp_none"})

    assert response.status_code == 404
    assert response.json()["error"]["param"] == "previous_response_id"


def test_an_item_reference_stands_for_the_item(api: httpx.Client) -> None:
    first = ask(api)
    item = first["output"][0]
    rest = [{"role": "user", "content": "And?"}]

    by_reference = ask(api, input=[{"type": "item_reference", "id": item["id"]}, *rest])

    assert text_of(by_reference) == text_of(ask(api, input=[item, *rest]))
    missing = [{"type": "item_reference", "id": "msg_none"}]
    response = api.post("/responses", json=ASK | {"input": missing})
    assert response.status_code == 404
    assert response.json()["error"]["param"] == "input[0].id"


def test_the_list_pages_newest_first_both_ways(api: httpx.Client) -> None:
    ids = [ask(api)["id"] for _ in range(4)][::-1]

    first = api.get("/responses?limit=2").json()
    second = api.get(f"/responses?limit=2&after={first['last_id']}").json()
    back = api.get(f"/responses?limit=1&before={second['first_id']}").json()

    assert [each["id"] for each in first["data"]] == ids[:2]
    assert (first["object"], first["has_more"], first["first_id"]) == ("list", True, ids[0])
    assert [each["id"] for each in second["data"]] == ids[2:]
    assert [each["id"] for each in back["data"]] == [ids[1]]
    assert back["has_more"] is True


@pytest.mark.parametrize("limit", ["0", "101", "x", "-1"])
def test_a_limit_out_of_bounds_is_refused(api: httpx.Client, limit: str) -> None:
    assert api.get(f"/responses?limit={limit}").json()["error"]["param"] == "limit"


REFUSED: dict[str, Json] = {
    "tools[0].type": {"tools": [{"type": "mcp", "server_url": "https://example.com"}]},
    "tools[1].type": {"tools": [FUNCTION, {"type": "python"}]},
    "max_tool_calls": {"max_tool_calls": 3},
    "background": {"background": True},
    "tool_choice": {"tool_choice": "required"},
    "tool_choice.name": {
        "tools": [FUNCTION], "tool_choice": {"type": "function", "name": "other"},
    },
    "tool_choice.type": {"tools": [FUNCTION], "tool_choice": {"type": "mcp"}},
    "input[0].content[0].type": {
        "input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}],
    },
    "input[0].call_id": {
        "input": [{"type": "function_call_output", "call_id": "call_x", "output": "1"}],
    },
    "input[0].type": {"input": [{"type": "web_search_call", "id": "x"}]},
    "input": {"input": []},
    "text.format.schema": {"text": {"format": {"type": "json_schema", "name": "x"}}},
    "max_output_tokens": {"max_output_tokens": 0},
}  # fmt: skip


@pytest.mark.parametrize("param", REFUSED)
def test_what_is_not_supported_is_refused_by_name(api: httpx.Client, param: str) -> None:
    assert refused(api, **REFUSED[param])["param"] == param


def test_what_an_engine_refuses_is_named_as_this_api_names_it(api: httpx.Client) -> None:
    longer_than_the_window = "a" * 1_000_000

    assert refused(api, input=longer_than_the_window)["param"] == "input"


def test_fields_that_only_hint_are_tolerated_and_unknown_ones_named(api: httpx.Client) -> None:
    hints = {"include": ["reasoning.encrypted_content"], "service_tier": "auto", "zebra": 1}

    response = api.post("/responses", json=ASK | hints)

    assert response.status_code == 200
    assert response.headers["x-ignored-fields"] == "zebra"


def test_other_methods_are_refused_in_the_shape_of_the_api(api: httpx.Client) -> None:
    response = api.put("/responses", json={})

    assert response.status_code == 405
    assert response.json()["error"]["code"] == "METHOD_NOT_ALLOWED"


def test_no_key_opens_nothing(hearth: RunningHearth, api: httpx.Client) -> None:
    kept = ask(api)["id"]

    with hearth.client(key="") as stranger:
        assert stranger.post("/responses", json=ASK).status_code == 401
        assert stranger.get("/responses").status_code == 401
        assert stranger.get(f"/responses/{kept}").status_code == 401
        assert stranger.delete(f"/responses/{kept}").status_code == 401
    assert api.get(f"/responses/{kept}").status_code == 200
