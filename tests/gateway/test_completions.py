"""Completions over HTTP: every form of prompt, and how choices are numbered."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.gateway.test_chat import MODEL, stream

ASK: dict[str, Any] = {"model": MODEL, "prompt": "Once", "max_tokens": 8, "seed": 7}


def texts(answer: dict[str, Any]) -> list[str]:
    return [choice["text"] for choice in answer["choices"]]


def test_an_answer_has_the_documented_shape(api: httpx.Client) -> None:
    answer = api.post("/completions", json=ASK).json()

    assert answer["object"] == "text_completion"
    (choice,) = answer["choices"]
    assert choice["text"]
    assert choice["logprobs"] is None
    assert choice["finish_reason"] in ("stop", "length")


def test_a_list_of_prompts_gives_n_choices_for_each_in_order(api: httpx.Client) -> None:
    one = [api.post("/completions", json=ASK | {"prompt": p, "n": 2}).json() for p in ("a", "b")]

    both = api.post("/completions", json=ASK | {"prompt": ["a", "b"], "n": 2}).json()

    assert [choice["index"] for choice in both["choices"]] == [0, 1, 2, 3]
    assert texts(both) == texts(one[0]) + texts(one[1])
    assert both["usage"]["completion_tokens"] == sum(
        answer["usage"]["completion_tokens"] for answer in one
    )


def test_token_ids_are_a_prompt(api: httpx.Client) -> None:
    ids = list(b"Once")  # the fake engine's tokens are bytes

    from_ids = api.post("/completions", json=ASK | {"prompt": ids}).json()
    from_lists = api.post("/completions", json=ASK | {"prompt": [ids, ids]}).json()

    text = texts(api.post("/completions", json=ASK).json())
    assert texts(from_ids) == text
    assert texts(from_lists) == text * 2


def test_a_stream_of_several_prompts_equals_the_whole(api: httpx.Client) -> None:
    body = ASK | {"prompt": ["a", "b", "c"]}
    whole = api.post("/completions", json=body).json()

    events = stream(api, "/completions", body)

    joined = ["", "", ""]
    for event in events:
        joined[event["choices"][0]["index"]] += event["choices"][0]["text"]
    assert joined == texts(whole)
    assert events[-1]["usage"] == whole["usage"]
    assert all(event["usage"] is None for event in events[:-1])


@pytest.mark.parametrize("prompt", [[], ["a", 1], [1, [2]], [[]], [-1], None, {"a": 1}, [["a"]]])
def test_a_prompt_of_no_known_form_is_refused(api: httpx.Client, prompt: object) -> None:
    response = api.post("/completions", json=ASK | {"prompt": prompt})

    assert response.status_code == 400
    assert response.json()["error"]["param"].startswith("prompt")
