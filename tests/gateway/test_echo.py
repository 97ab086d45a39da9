"""Prompts told again and scored, over HTTP: both routes, whole and streamed, and what they cost."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.gateway.test_chat import MODEL, stream

ASK: dict[str, Any] = {"model": MODEL, "prompt": "Once", "max_tokens": 4, "temperature": 0}
SAY: dict[str, Any] = {
    "model": MODEL, "messages": [{"role": "user", "content": "Once"}], "max_tokens": 4,
    "temperature": 0,
}  # fmt: skip
SCORE = {"echo": True, "max_tokens": 0, "logprobs": 1}


def choice_of(api: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = api.post(path, json=body)
    assert answer.status_code == 200, answer.text
    choice: dict[str, Any] = answer.json()["choices"][0]
    return choice


def test_a_completion_begins_with_its_prompt_or_the_end_of_it(api: httpx.Client) -> None:
    plain = choice_of(api, "/completions", ASK)["text"]

    assert choice_of(api, "/completions", ASK | {"echo": True})["text"] == "Once" + plain
    assert choice_of(api, "/completions", ASK | {"echo_last": 2})["text"] == "ce" + plain


def test_the_lists_of_a_scored_prompt_begin_with_null(api: httpx.Client) -> None:
    answer = api.post("/completions", json=ASK | SCORE).json()

    (choice,) = answer["choices"]
    logprobs = choice["logprobs"]
    assert choice["text"] == "Once"
    assert choice["finish_reason"] == "length"
    assert logprobs["tokens"] == ["O", "n", "c", "e"]
    assert logprobs["text_offset"] == [0, 1, 2, 3]
    assert logprobs["token_logprobs"][0] is None
    assert logprobs["top_logprobs"][0] is None
    assert all(each < 0 for each in logprobs["token_logprobs"][1:])
    assert answer["usage"] == {
        "prompt_tokens": 4, "completion_tokens": 0, "total_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 0},
    }  # fmt: skip


def test_a_chat_tells_its_rendered_prompt(api: httpx.Client) -> None:
    plain = choice_of(api, "/chat/completions", SAY)["message"]["content"]

    choice = choice_of(api, "/chat/completions", SAY | {"echo": True, "logprobs": True})

    content = choice["logprobs"]["content"]
    assert choice["message"]["content"] == "user: Once\nassistant:" + plain
    assert content[0]["logprob"] is None
    assert "".join(each["token"] for each in content) == choice["message"]["content"]


@pytest.mark.parametrize("fields", [{"echo": True}, {"echo": True, "logprobs": 1}, SCORE], ids=str)
def test_a_stream_adds_up_to_the_whole(api: httpx.Client, fields: dict[str, Any]) -> None:
    whole = api.post("/completions", json=ASK | fields).json()

    events = stream(api, "/completions", ASK | fields)

    pieces = [event["choices"][0] for event in events]
    tokens = [t for each in pieces for t in (each["logprobs"] or {}).get("tokens", [])]
    assert "".join(each["text"] for each in pieces) == whole["choices"][0]["text"]
    assert tokens == (whole["choices"][0]["logprobs"] or {}).get("tokens", [])
    assert events[-1]["usage"] == whole["usage"]


def test_a_streamed_chat_adds_up_to_the_whole(api: httpx.Client) -> None:
    body = SAY | {"echo": True, "logprobs": True}
    whole = choice_of(api, "/chat/completions", body)

    pieces = [event["choices"][0] for event in stream(api, "/chat/completions", body)]

    told = [entry for each in pieces for entry in (each.get("logprobs") or {}).get("content", [])]
    text = "".join(each["delta"].get("content", "") for each in pieces)
    assert text == whole["message"]["content"]
    assert told == whole["logprobs"]["content"]


def test_several_prompts_are_scored_each_for_itself(api: httpx.Client) -> None:
    answer = api.post("/completions", json=ASK | SCORE | {"prompt": ["ab", "cde"], "n": 2}).json()

    assert [choice["text"] for choice in answer["choices"]] == ["ab", "ab", "cde", "cde"]
    assert [len(choice["logprobs"]["tokens"]) for choice in answer["choices"]] == [2, 2, 3, 3]
    assert answer["usage"]["total_tokens"] == 5


def test_raw_output_keeps_prompt_and_completion_apart(api: httpx.Client) -> None:
    raw = {"raw_output": True, "echo": True}
    plain = choice_of(api, "/completions", ASK)["text"]

    texts = [
        choice_of(api, "/completions", ASK | raw | more)["raw_output"]["completion"]
        for more in ({}, {"logprobs": 1})
    ]

    assert texts == [plain, plain]


def test_stop_tokens_end_a_text_and_must_be_of_the_vocabulary(api: httpx.Client) -> None:
    ids = choice_of(api, "/completions", ASK | {"return_token_ids": True})["token_ids"]

    choice = choice_of(api, "/completions", ASK | {"stop_token_ids": [ids[0]]})
    alien = api.post("/chat/completions", json=SAY | {"stop_token_ids": [10**6]})

    assert (choice["text"], choice["finish_reason"]) == ("", "stop")
    assert alien.status_code == 400
    assert alien.json()["error"]["param"] == "stop_token_ids"


def test_a_service_tier_that_the_engine_honours_is_not_called_ignored(api: httpx.Client) -> None:
    answer = api.post("/completions", json=ASK | {"service_tier": "priority"})

    assert answer.status_code == 200
    assert "x-ignored-fields" not in answer.headers
