"""Reasoning over HTTP: the fake engine has no template for it, so its thinking is emulated."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.gateway.test_chat import ASK, stream

Json = dict[str, Any]  # Any: a JSON object

LONG = ASK | {"max_tokens": 80}


def post(api: httpx.Client, **fields: Any) -> httpx.Response:
    return api.post("/chat/completions", json=LONG | fields)


@pytest.mark.parametrize(
    "asking",
    [
        {"reasoning_effort": "low"},
        {"reasoning_effort": "xhigh"},
        {"reasoning_effort": True},
        {"reasoning_effort": 20},
        {"extra_body": {"reasoning_effort": "high"}},
        {"thinking": {"type": "enabled"}},
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    ],
    ids=str,
)
def test_thinking_is_told_apart_counted_and_labelled(api: httpx.Client, asking: Json) -> None:
    response = post(api, **asking)

    message = response.json()["choices"][0]["message"]
    details = response.json()["usage"]["completion_tokens_details"]
    assert response.headers["x-hearth-reasoning"] == "emulated"
    assert message["reasoning_content"]
    assert message["content"]
    assert "<think>" not in message["content"] + message["reasoning_content"]
    assert 0 < details["reasoning_tokens"] < response.json()["usage"]["completion_tokens"]


def test_a_number_is_the_most_tokens_of_thinking(api: httpx.Client) -> None:
    usage = post(api, reasoning_effort=3).json()["usage"]

    assert usage["completion_tokens_details"]["reasoning_tokens"] <= 3


@pytest.mark.parametrize(
    "asking", [{"reasoning_effort": "none"}, {"reasoning_effort": False},
               {"thinking": {"type": "disabled"}}], ids=str
)  # fmt: skip
def test_switched_off_nothing_is_thought(api: httpx.Client, asking: Json) -> None:
    response = post(api, **asking)

    assert "reasoning_content" not in response.json()["choices"][0]["message"]
    assert "x-hearth-reasoning" not in response.headers


def test_streaming_equals_not_streaming_and_is_labelled_in_its_head(api: httpx.Client) -> None:
    whole = post(api, reasoning_effort="low").json()["choices"][0]["message"]

    with api.stream(
        "POST", "/chat/completions", json=LONG | {"reasoning_effort": "low", "stream": True}
    ) as response:
        label = response.headers["x-hearth-reasoning"]
        response.read()
    events = stream(api, "/chat/completions", LONG | {"reasoning_effort": "low"})

    deltas = [event["choices"][0]["delta"] for event in events]
    assert label == "emulated"
    assert "".join(d.get("reasoning_content", "") for d in deltas) == whole["reasoning_content"]
    assert "".join(d.get("content", "") for d in deltas) == whole["content"]


def test_inline_keeps_the_thinking_in_the_text(api: httpx.Client) -> None:
    body = LONG | {"reasoning_effort": "low", "reasoning_format": "inline"}
    apart = post(api, reasoning_effort="low").json()["choices"][0]["message"]

    whole = api.post("/chat/completions", json=body).json()["choices"][0]["message"]
    events = stream(api, "/chat/completions", body)

    wanted = f"<think>{apart['reasoning_content']}</think>{apart['content']}"
    assert whole == {"role": "assistant", "content": wanted}
    assert "".join(e["choices"][0]["delta"].get("content", "") for e in events) == wanted


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"reasoning_effort": "hard"}, "reasoning_effort"),
        ({"reasoning_effort": 0}, "reasoning_effort"),
        ({"reasoning_effort": 1.5}, "reasoning_effort"),
        ({"reasoning_effort": "low", "thinking": {"type": "enabled"}}, "thinking"),
        ({"thinking": {"type": "enabled", "budget_tokens": 100}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "on"}}, "thinking.type"),
        ({"reasoning_history": "all"}, "reasoning_history"),
        ({"reasoning_format": "xml"}, "reasoning_format"),
    ],
)
def test_what_is_no_effort_is_a_400_that_names_the_field(
    api: httpx.Client, fields: Json, param: str
) -> None:
    response = post(api, **fields)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


def test_completions_refuse_to_reason(api: httpx.Client) -> None:
    body = {"model": ASK["model"], "prompt": "x", "reasoning_effort": "low"}

    response = api.post("/completions", json=body)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "reasoning_effort"


def test_earlier_thinking_is_part_of_a_message(api: httpx.Client) -> None:
    messages = [
        *ASK["messages"],
        {"role": "assistant", "content": "Hi.", "reasoning_content": "Greet."},
        {"role": "user", "content": "Why?"},
    ]

    assert post(api, messages=messages).status_code == 200
