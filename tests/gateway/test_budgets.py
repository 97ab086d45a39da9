"""Limits as a client meets them: refusals with their reason, headers, exact use of what is left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.gateway.ledger import settled
from tests.gateway.limited import MODEL, TOKEN_NANO, LimitedKey
from tests.running import RunningHearth

MONTHLY, RPM = "monthly-spend-usd", "serverless-inference-rpm"
GENERATED, RUNNING = "serverless-inference-generated-tpm", "serverless-inference-concurrency"


@pytest.fixture
def key(hearth: RunningHearth, api: httpx.Client) -> Iterator[LimitedKey]:
    limited = LimitedKey(hearth, api)
    yield limited
    limited.client.close()


def dollars(tokens: int) -> str:
    """What so many tokens cost."""
    return f"{tokens * TOKEN_NANO / 1e9:.9f}"


def prompt_tokens(key: LimitedKey) -> int:
    """Of the question that `ask` asks; it is spent with one token more, under a limit."""
    key.limit(MONTHLY, "1")
    num: int = key.ask(max_tokens=1).json()["usage"]["prompt_tokens"]
    return num


def test_a_budget_can_be_used_to_its_last_token_and_not_beyond(key: LimitedKey) -> None:
    one = prompt_tokens(key)
    key.limit(MONTHLY, dollars(3 * one + 1 + 12))  # 1 is spent already

    answers = [key.ask(max_tokens=6, ignore_eos=True) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 402]
    assert key.spent(MONTHLY, at_least=(3 * one + 13) * TOKEN_NANO) == (3 * one + 13) * TOKEN_NANO
    assert key.quota(MONTHLY)["amount"]["nanos"] == (3 * one + 13) * TOKEN_NANO


def test_a_refusal_names_the_limit_what_is_spent_and_what_would_be_covered(key: LimitedKey) -> None:
    one = prompt_tokens(key)
    key.limit(MONTHLY, dollars(4 * one + 64))

    answer = key.ask(max_tokens=10_000)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (402, "PAYMENT_REQUIRED")
    assert f"monthly spending limit of {key.name.removeprefix('/v1/')}" in error["message"]
    assert "'max_tokens': " in error["message"]
    covered = int(error["message"].split("'max_tokens': ")[1].split()[0])
    assert key.ask(max_tokens=covered).status_code == 200


def test_an_answer_without_a_bound_is_cut_to_what_is_left(key: LimitedKey) -> None:
    one = prompt_tokens(key)
    key.limit(MONTHLY, dollars(2 * one + 1 + 300))

    answer = key.ask(ignore_eos=True)

    usage = answer.json()["usage"]
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["finish_reason"] == "length"
    assert 256 <= usage["completion_tokens"] <= 300
    assert key.ask(max_tokens=300).status_code == 402


def test_a_prompt_longer_than_was_thought_is_held_for_before_it_runs(key: LimitedKey) -> None:
    text = "火" * 300  # three tokens each here, and far fewer by the estimate
    messages = [{"role": "user", "content": text}]
    key.limit(MONTHLY, "1")
    one = key.ask(messages=messages, max_tokens=1).json()["usage"]["prompt_tokens"]
    assert one > 900

    key.limit(MONTHLY, dollars(2 * one + 2))
    assert key.ask(messages=messages, max_tokens=1).status_code == 200
    key.limit(MONTHLY, dollars(3 * one + 2))
    refused = key.ask(messages=messages, max_tokens=1)

    assert refused.status_code == 402, refused.text
    spent = (2 * one + 2) * TOKEN_NANO
    assert key.spent(MONTHLY, at_least=spent) == spent


def test_each_api_refuses_in_its_own_shape(key: LimitedKey) -> None:
    key.limit(MONTHLY, "0")

    chat = key.ask(max_tokens=1)
    streamed = key.ask(max_tokens=1, stream=True)
    message = key.ask("/messages", max_tokens=1, seed=None)
    response = key.client.post("/responses", json={"model": MODEL, "input": "Why?"})
    vectors = key.client.post("/embeddings", json={"model": "gte-base", "input": "Why?"})

    assert {a.status_code for a in (chat, streamed, message, response, vectors)} == {402}
    assert message.json()["error"]["type"] == "billing_error"
    assert "retry-after" not in chat.headers


def test_a_rate_tells_what_is_left_and_when_to_come_again(key: LimitedKey) -> None:
    key.limit(RPM, "2")

    answers = [key.ask(max_tokens=1) for _ in range(3)]

    assert [a.status_code for a in answers] == [200, 200, 429]
    left = [a.headers["x-ratelimit-remaining-requests"] for a in answers[:2]]
    assert left == ["1", "0"]
    assert answers[0].headers["x-ratelimit-limit-requests"] == "2"
    assert answers[0].headers["x-ratelimit-over-limit"] == "no"
    assert 1 <= int(answers[2].headers["retry-after"]) <= 30


def test_every_choice_counts_as_a_request(key: LimitedKey) -> None:
    key.limit(RPM, "3")

    assert key.ask(max_tokens=1, n=2).status_code == 200
    assert key.ask(max_tokens=1, n=2).status_code == 429
    assert key.ask(max_tokens=1).status_code == 200


def test_generated_tokens_beyond_the_rate_delay_the_next_request(key: LimitedKey) -> None:
    key.limit(GENERATED, "10")

    assert key.ask(max_tokens=50, ignore_eos=True).status_code == 200
    refused = key.ask(max_tokens=1)

    assert refused.status_code == 429
    assert "generated tokens per minute" in refused.json()["error"]["message"]


def test_only_so_many_run_at_once_and_a_slot_is_free_when_one_ends(key: LimitedKey) -> None:
    key.limit(RUNNING, "1")
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Go on"}], "stream": True}

    for _ in range(3):
        with key.client.stream("POST", "/chat/completions", json=body | {"max_tokens": 5}) as first:
            assert first.status_code == 200
            first.read()
    assert key.ask(max_tokens=1).status_code == 200
    key.limit(RUNNING, "0")
    assert key.ask(max_tokens=1).status_code == 429


def test_a_repeated_answer_costs_nothing(key: LimitedKey, hearth: RunningHearth) -> None:
    key.limit(MONTHLY, "1")

    answers = [key.ask(temperature=0, response_cache=True, max_tokens=7) for _ in range(2)]

    assert [a.headers["x-hearth-response-cache"] for a in answers] == ["miss", "hit"]
    settled(hearth, column="request_id", value=answers[1].headers["x-request-id"])
    cost = answers[0].json()["usage"]["total_tokens"] * TOKEN_NANO
    assert key.spent(MONTHLY, at_least=cost) == cost


def test_a_limit_lifted_is_gone_at_once(key: LimitedKey) -> None:
    key.limit(MONTHLY, "0")
    assert key.ask(max_tokens=1).status_code == 402

    key.limit(MONTHLY, "1")

    assert key.ask(max_tokens=1).status_code == 200


def test_an_answer_that_was_cut_for_money_is_not_repeated(key: LimitedKey) -> None:
    one = prompt_tokens(key)
    key.limit(MONTHLY, dollars(2 * one + 1 + 300))
    fields: dict[str, Any] = {"response_cache": True, "ignore_eos": True}

    short = key.ask(**fields)
    key.limit(MONTHLY, dollars(2 * one + 1 + 300 + one + 600))
    longer = key.ask(**fields)

    assert short.headers["x-hearth-response-cache"] == "miss"
    assert longer.headers["x-hearth-response-cache"] == "miss"
    tokens = [answer.json()["usage"]["completion_tokens"] for answer in (short, longer)]
    assert tokens[0] < tokens[1]
