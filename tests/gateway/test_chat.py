"""Chat completions over HTTP: the shapes, the parameters, the stream."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
ASK: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Hello?"}],
    "max_tokens": 12,
    "seed": 7,
}


def stream(api: httpx.Client, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    with api.stream("POST", path, json=body | {"stream": True}) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in response.iter_lines() if line]
    assert lines.pop() == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def test_an_answer_has_the_documented_shape(api: httpx.Client) -> None:
    response = api.post("/chat/completions", json=ASK)

    assert response.status_code == 200
    answer = response.json()
    assert answer["object"] == "chat.completion"
    assert answer["model"] == MODEL
    assert answer["id"] == response.headers["x-request-id"]
    (choice,) = answer["choices"]
    assert choice["index"] == 0
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"]
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["completion_tokens"] <= 12
    assert usage["prompt_tokens_details"] == {"cached_tokens": 0}


def test_a_stand_in_is_named_in_header_and_fingerprint(api: httpx.Client) -> None:
    response = api.post("/chat/completions", json=ASK)

    assert response.headers["x-hearth-served-by"] == "fake"
    assert response.json()["system_fingerprint"] == "stand-in:fake"


def test_streaming_equals_not_streaming(api: httpx.Client) -> None:
    whole = api.post("/chat/completions", json=ASK).json()

    events = stream(api, "/chat/completions", ASK)

    text = "".join(e["choices"][0]["delta"].get("content", "") for e in events)
    assert text == whole["choices"][0]["message"]["content"]
    assert events[0]["choices"][0]["delta"] == {"role": "assistant"}
    assert events[-1]["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]
    assert events[-1]["usage"] == whole["usage"]
    assert all(event["usage"] is None for event in events[:-1])


def test_usage_can_be_switched_off_in_a_stream(api: httpx.Client) -> None:
    events = stream(api, "/chat/completions", ASK | {"stream_options": {"include_usage": False}})

    assert all(event["usage"] is None for event in events)


def test_several_choices_differ_and_each_repeats_by_its_seed(api: httpx.Client) -> None:
    body = ASK | {"n": 3, "temperature": 1.5}

    first = api.post("/chat/completions", json=body).json()
    second = api.post("/chat/completions", json=body).json()

    texts = [choice["message"]["content"] for choice in first["choices"]]
    assert [choice["index"] for choice in first["choices"]] == [0, 1, 2]
    assert len(set(texts)) == 3
    assert texts == [choice["message"]["content"] for choice in second["choices"]]


def test_streamed_choices_interleave_and_only_the_last_finish_has_usage(api: httpx.Client) -> None:
    whole = api.post("/chat/completions", json=ASK | {"n": 3}).json()

    events = stream(api, "/chat/completions", ASK | {"n": 3})

    for choice in whole["choices"]:
        own = [e["choices"][0] for e in events if e["choices"][0]["index"] == choice["index"]]
        text = "".join(each["delta"].get("content", "") for each in own)
        assert text == choice["message"]["content"]
        assert own[-1]["finish_reason"] == choice["finish_reason"]
    assert [event["usage"] for event in events[:-1]] == [None] * (len(events) - 1)
    assert events[-1]["usage"] == whole["usage"]


def test_a_stop_string_ends_the_text_before_it(api: httpx.Client) -> None:
    whole = api.post("/chat/completions", json=ASK).json()["choices"][0]["message"]["content"]
    stop = whole[4:7]

    answer = api.post("/chat/completions", json=ASK | {"stop": [stop, "never"]}).json()

    assert answer["choices"][0]["message"]["content"] == whole[: whole.index(stop)]
    assert answer["choices"][0]["finish_reason"] == "stop"


def test_max_tokens_is_exact_and_says_length(api: httpx.Client) -> None:
    body = ASK | {"max_tokens": 5, "ignore_eos": True}

    answer = api.post("/chat/completions", json=body).json()

    assert answer["usage"]["completion_tokens"] == 5
    assert answer["choices"][0]["finish_reason"] == "length"


def test_performance_figures_come_as_headers_and_on_request_in_the_body(api: httpx.Client) -> None:
    response = api.post("/chat/completions", json=ASK | {"perf_metrics_in_response": True})

    metrics = response.json()["perf_metrics"]
    assert metrics["prompt-tokens"] == response.json()["usage"]["prompt_tokens"]
    assert metrics["server-time-to-first-token"] <= metrics["server-processing-time"]
    assert response.headers["fireworks-prompt-tokens"] == str(metrics["prompt-tokens"])
    assert float(response.headers["fireworks-server-time-to-first-token"]) > 0
    assert json.loads(response.headers["fireworks-sampling-options"])["seed"] == 7


def test_unknown_fields_are_ignored_and_named(api: httpx.Client) -> None:
    response = api.post("/chat/completions", json=ASK | {"zebra": 1, "apple": {"a": 2}})

    assert response.status_code == 200
    assert response.headers["x-ignored-fields"] == "apple,zebra"


def test_a_literal_extra_body_is_merged_and_the_top_level_wins(api: httpx.Client) -> None:
    body = ASK | {"extra_body": {"max_tokens": 1, "n": 2, "zebra": 1}}

    response = api.post("/chat/completions", json=body)

    assert len(response.json()["choices"]) == 2
    assert response.json()["usage"]["completion_tokens"] > 2
    assert response.headers["x-ignored-fields"] == "zebra"


@pytest.mark.parametrize(
    "prefix", ["", "/v1", "/inference", "/inference/v1", "/inference/v1/v1", "/v1/v1"]
)
def test_every_base_url_works(hearth: Any, api: httpx.Client, prefix: str) -> None:
    response = api.post(f"{hearth.url}{prefix}/chat/completions", json=ASK)

    assert response.status_code == 200


def test_content_parts_are_joined(api: httpx.Client) -> None:
    parts = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo?"}]
    body = ASK | {"messages": [{"role": "user", "content": parts}]}

    answer = api.post("/chat/completions", json=body).json()

    assert answer["usage"] == api.post("/chat/completions", json=ASK).json()["usage"]


def test_a_developer_message_counts_as_system(api: httpx.Client) -> None:
    def usage_of(role: str) -> dict[str, Any]:
        messages = [{"role": role, "content": "Be brief."}, *ASK["messages"]]
        answer = api.post("/chat/completions", json=ASK | {"messages": messages}).json()
        usage: dict[str, Any] = answer["usage"]
        return usage

    assert usage_of("developer") == usage_of("system")
