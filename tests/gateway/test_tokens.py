"""Log-probabilities, token ids and raw output over HTTP, whole and streamed."""

from __future__ import annotations

import math
from typing import Any

import httpx
import pytest

from hearth.engines.protocol import TokenLogprob
from hearth.gateway.token_news import TextOffsets, content_logprobs
from tests.gateway.test_chat import ASK, stream

Json = dict[str, Any]  # Any: a JSON object

PROMPT = {"model": ASK["model"], "prompt": "Once", "max_tokens": 6, "seed": 7}


def streamed(events: list[Json], field: str) -> list[Any]:  # Any: JSON values
    """What the events of one choice say in a field, joined."""
    found = [event["choices"][0].get(field) for event in events]
    return [item for each in found if each for item in each]


def test_true_gives_the_chat_shape(api: httpx.Client) -> None:
    body = ASK | {"logprobs": True, "top_logprobs": 2, "ignore_eos": True}

    choice = api.post("/chat/completions", json=body).json()["choices"][0]

    tokens = choice["logprobs"]["content"]
    assert len(tokens) == 12
    assert "".join(each["token"] for each in tokens) == choice["message"]["content"]
    for each in tokens:
        assert each.keys() >= {"token", "logprob", "sampling_logprob", "bytes", "token_id"}
        assert bytes(each["bytes"]).decode() == each["token"]
        assert choice["message"]["content"][each["text_offset"] :].startswith(each["token"])
        assert each["logprob"] <= 0
        assert [top.keys() for top in each["top_logprobs"]] == [
            {"token", "logprob", "token_id", "bytes"}
        ] * 2
        assert math.fsum(math.exp(top["logprob"]) for top in each["top_logprobs"]) <= 1


def test_a_number_gives_parallel_lists(api: httpx.Client) -> None:
    choice = api.post("/completions", json=PROMPT | {"logprobs": 3}).json()["choices"][0]

    lists = choice["logprobs"]
    assert "".join(lists["tokens"]) == choice["text"]
    assert {len(each) for each in lists.values()} == {len(lists["tokens"])}
    assert all(len(top) == 3 for top in lists["top_logprobs"])
    assert lists["text_offset"][0] == 0


def test_without_alternatives_only_the_tokens_drawn_are_told(api: httpx.Client) -> None:
    whole = api.post("/completions", json=PROMPT | {"logprobs": 0}).json()["choices"][0]

    assert set(whole["logprobs"]["top_logprobs"]) == {None}


@pytest.mark.parametrize("path", ["/chat/completions", "/completions"])
def test_streamed_log_probabilities_equal_the_whole(api: httpx.Client, path: str) -> None:
    body = (ASK if "chat" in path else PROMPT) | {"logprobs": True, "top_logprobs": 1}
    whole = api.post(path, json=body).json()["choices"][0]["logprobs"]["content"]

    events = stream(api, path, body)

    pieces = [event["choices"][0].get("logprobs") for event in events]
    assert [token for each in pieces if each for token in each["content"]] == whole


def test_token_ids_of_a_chat_stand_at_the_top_and_in_the_choice(api: httpx.Client) -> None:
    body = ASK | {"return_token_ids": True}
    whole = api.post("/chat/completions", json=body).json()

    events = stream(api, "/chat/completions", body)

    assert len(whole["choices"][0]["token_ids"]) >= 1
    assert bytes(whole["prompt_token_ids"]).decode() == "user: Hello?\nassistant:"
    assert streamed(events, "token_ids") == whole["choices"][0]["token_ids"]
    assert [e["prompt_token_ids"] for e in events if "prompt_token_ids" in e] == [
        whole["prompt_token_ids"]
    ]


def test_token_ids_of_completions_stand_in_each_choice(api: httpx.Client) -> None:
    body = PROMPT | {"prompt": ["ab", "c"], "n": 2, "return_token_ids": True}

    choices = api.post("/completions", json=body).json()["choices"]

    assert [bytes(choice["prompt_token_ids"]) for choice in choices] == [b"ab", b"ab", b"c", b"c"]


def test_raw_output_shows_what_the_model_was_given_and_wrote(api: httpx.Client) -> None:
    body = ASK | {"raw_output": True}
    whole = api.post("/chat/completions", json=body).json()["choices"][0]

    events = stream(api, "/chat/completions", body)

    raw = whole["raw_output"]
    assert raw["prompt_fragments"] == ["user: Hello?\nassistant:"]
    assert bytes(raw["prompt_token_ids"]).decode() == "user: Hello?\nassistant:"
    assert raw["completion"] == whole["message"]["content"]
    assert events[-1]["choices"][0]["raw_output"] == raw
    assert "token_ids" not in whole


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"logprobs": 6}, "logprobs"),
        ({"logprobs": -1}, "logprobs"),
        ({"logprobs": True, "top_logprobs": 6}, "top_logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logprobs": False, "top_logprobs": 1}, "top_logprobs"),
    ],
)
def test_what_is_out_of_bounds_is_named(api: httpx.Client, change: Json, param: str) -> None:
    response = api.post("/chat/completions", json=ASK | change)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


def test_a_token_inside_a_character_has_the_offset_of_that_character() -> None:
    pieces = [b"a", "火".encode()[:1], "火".encode()[1:], b"b"]

    told = content_logprobs([TokenLogprob(1, each, -1.0, []) for each in pieces], TextOffsets())

    assert [each["text_offset"] for each in told["content"]] == [0, 1, 1, 2]
