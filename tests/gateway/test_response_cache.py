"""Answers that are repeated: who asks for it, exactly the same, in the same account, in time."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearth.engines.protocol import Delta
from hearth.gateway.response_cache import ResponseCache
from tests.gateway.test_chat import ASK

HEADER = "x-hearth-response-cache"


def ask(api: httpx.Client, **fields: Any) -> httpx.Response:
    body = ASK | {"temperature": 0, "response_cache": True} | fields
    answer = api.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    return answer


def question(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def test_an_equal_request_gets_the_same_answer_again(api: httpx.Client) -> None:
    first = ask(api, messages=question("Once?"))
    second = ask(api, messages=question("Once?"))

    assert [first.headers[HEADER], second.headers[HEADER]] == ["miss", "hit"]
    assert first.json()["choices"] == second.json()["choices"]
    assert first.json()["id"] != second.json()["id"]
    usage = second.json()["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == usage["prompt_tokens"]
    assert usage["completion_tokens"] == first.json()["usage"]["completion_tokens"]


def test_a_stream_repeats_a_whole_answer(api: httpx.Client) -> None:
    whole = ask(api, messages=question("Streamed?"))
    body = ASK | {"temperature": 0, "response_cache": True, "messages": question("Streamed?")}
    with api.stream("POST", "/v1/chat/completions", json=body | {"stream": True}) as answer:
        events = [line[6:] for line in answer.iter_lines() if line.startswith("data: {")]

    assert answer.headers[HEADER] == "hit"
    text = "".join(
        choice["delta"].get("content", "") for e in events for choice in json.loads(e)["choices"]
    )
    assert text == whole.json()["choices"][0]["message"]["content"]


def test_another_request_gets_another_answer(api: httpx.Client) -> None:
    ask(api, messages=question("Other?"))

    for other in ({"max_tokens": 3}, {"messages": question("Other!")}, {"top_k": 3}):
        assert ask(api, **({"messages": question("Other?")} | other)).headers[HEADER] == "miss"
    isolated = ask(api, messages=question("Other?"), prompt_cache_isolation_key="mine")
    assert isolated.headers[HEADER] == "miss"


def test_what_is_drawn_at_random_is_never_repeated(api: httpx.Client) -> None:
    for _ in range(2):
        answer = ask(api, messages=question("Random?"), temperature=1, seed=None)
        assert HEADER not in answer.headers
        assert "response_cache" in answer.headers["x-ignored-fields"]
    seeded = [ask(api, messages=question("Random?"), temperature=1, seed=4) for _ in range(2)]
    assert [answer.headers[HEADER] for answer in seeded] == ["miss", "hit"]


def test_who_does_not_ask_is_not_answered_from_the_cache(api: httpx.Client) -> None:
    ask(api, messages=question("Fresh?"))

    assert HEADER not in ask(api, messages=question("Fresh?"), response_cache=False).headers


def make_key(api: httpx.Client, value: str) -> httpx.Response:
    account = api.get("/verifyApiKey").headers["x-fireworks-account-id"]
    users = api.get(f"/v1/accounts/{account}/users").json()["users"]
    body = {"apiKey": {"annotations": {"response-cache": value}}}
    return api.post(f"/v1/{users[0]['name']}/apiKeys", json=body)


def test_a_key_may_ask_for_all_its_requests(api: httpx.Client) -> None:
    made = make_key(api, "60").json()
    headers = {"authorization": f"Bearer {made['key']}"}
    body = ASK | {"temperature": 0, "messages": question("By key?")}

    def ask_by_key(**fields: Any) -> str | None:
        answer = api.post("/v1/chat/completions", json=body | fields, headers=headers)
        assert answer.status_code == 200, answer.text
        told: str | None = answer.headers.get(HEADER)
        return told

    assert [ask_by_key(), ask_by_key()] == ["miss", "hit"]
    assert ask_by_key(response_cache=False) is None
    assert ask_by_key(temperature=1, seed=None) is None


@pytest.mark.parametrize("value", ["yes", "0", "86401", "-1", "٣", ""])
def test_a_key_that_asks_for_nonsense_is_not_made(api: httpx.Client, value: str) -> None:
    answer = make_key(api, value)

    assert answer.status_code == 400
    assert "apiKey.annotations.response-cache" in answer.text


def test_an_answer_expires() -> None:
    now = [0.0]
    cache = ResponseCache(1000, clock=lambda: now[0])
    cache.keep(b"key", [Delta(1, 0, "text", 1, "stop")], ttl_s=10)

    now[0] = 9.9
    assert cache.find(b"key") is not None
    now[0] = 10.0
    assert cache.find(b"key") is None
    assert cache.num_bytes == 0


@given(st.lists(st.tuples(st.integers(0, 5), st.text(max_size=80), st.booleans()), max_size=60))
def test_the_size_is_bounded_and_the_newest_is_there(steps: list[tuple[int, str, bool]]) -> None:
    cache = ResponseCache(200)
    for number, text, is_kept in steps:
        key = bytes([number])
        if is_kept:
            cache.keep(key, [Delta(1, 0, text, 1, "stop")], ttl_s=10)
            found = cache.find(key)
            assert found is None or found[0].text == text
            assert found is not None or len(text.encode()) > 180
        else:
            cache.find(key)
        assert 0 <= cache.num_bytes <= 200
