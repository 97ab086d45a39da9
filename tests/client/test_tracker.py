"""What a tracker adds up, by whose prices, and when it says stop."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearth.client import BudgetSpent, UsageTracker
from tests.client.scripted import answer, scripted

TABLE: dict[str, Any] = {
    "llama-v3p1-8b-instruct": 0.20 / 1000000,
    "mixtral-8x7b-instruct": 0.50 / 1000000,
    "deepseek-r1": {"input": 3.00 / 1000000, "output": 8.00 / 1000000},
}


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        ("llama-v3p1-8b-instruct", "0.0003"),
        ("fireworks/llama-v3p1-8b-instruct", "0.0003"),
        ("accounts/fireworks/models/llama-v3p1-8b-instruct", "0.0003"),
        ("mixtral-8x7b-instruct", "0.00075"),
        ("deepseek-r1", "0.007"),
    ],
)
@pytest.mark.parametrize("prices", [None, TABLE])
def test_the_table_of_the_examples_and_the_shipped_prices_agree(
    model: str, dollars: str, prices: dict[str, Any] | None
) -> None:
    tracker = UsageTracker(prices=prices)
    tracker.track_request(model, 1000, 500)

    assert tracker.cost_usd == Decimal(dollars)
    assert tracker.unpriced == []


@pytest.mark.parametrize(
    ("prices", "nano"),
    [
        (None, 200 * 400 + 100 * 600 + 200 * 50),  # half off, for what came from a cache
        ({"llama-v3p1-8b-instruct": 2e-7}, 200 * 1050),
        (
            {"llama-v3p1-8b-instruct": {"input": "3e-7", "cached_input": 1e-8, "output": 0}},
            300 * 400 + 10 * 600,
        ),
    ],
)
def test_cached_tokens_have_their_price(prices: dict[str, Any] | None, nano: int) -> None:
    usage = {
        "prompt_tokens": 1000,
        "completion_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 600},
    }
    tracker = UsageTracker(prices=prices)
    tracker.track("llama-v3p1-8b-instruct", usage)

    assert tracker.total.cost_nano == nano
    assert tracker.total.cached_tokens == 600


def test_the_cached_tokens_of_messages_are_part_of_the_prompt() -> None:
    tracker = UsageTracker()
    usage = {"input_tokens": 10, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 5}
    tracker.track("llama-v3p1-8b-instruct", usage | {"output_tokens": 2})

    total = tracker.total
    assert (total.prompt_tokens, total.cached_tokens, total.completion_tokens) == (45, 30, 2)
    assert total.cost_nano == 200 * 15 + 100 * 30 + 200 * 2


def test_embeddings_have_a_price_too() -> None:
    tracker = UsageTracker()
    tracker.track("nomic-embed-text-v1p5", {"prompt_tokens": 1_000_000, "total_tokens": 1_000_000})

    assert tracker.cost_usd == Decimal("0.008")


def test_sums_are_kept_by_model_and_shown() -> None:
    tracker = UsageTracker(prices=TABLE)
    tracker.track_request("deepseek-r1", 10, 20, cached_tokens=4)
    tracker.track_request("deepseek-r1", 1, 2)
    tracker.track_request("mine", 5, 0)

    shown = json.loads(json.dumps(tracker.as_dict()))
    assert shown["models"]["deepseek-r1"] == {
        "requests": 2,
        "requests_without_usage": 0,
        "tokens": 33,
        "prompt_tokens": 11,
        "cached_tokens": 4,
        "completion_tokens": 22,
        "cost": 0.000209,
        "cost_nano": 209_000,
    }
    assert (shown["requests"], shown["tokens"], shown["unpriced"]) == (3, 38, ["mine"])
    first, dearest, *_, total, note = tracker.report().splitlines()
    assert first.split() == ["model", "requests", "prompt", "cached", "completion", "cost"]
    assert dearest.split() == ["deepseek-r1", "2", "11", "4", "22", "$0.000209000"]
    assert total.split() == ["total", "3", "16", "4", "22", "$0.000209000"]
    assert note == "No price is known for mine."


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=20))
def test_costs_are_exact_sums(used: list[tuple[int, int]]) -> None:
    tracker = UsageTracker(prices={"m": {"input": 0.07 / 1_000_000, "output": 0.59 / 1_000_000}})
    for prompt, completion in used:
        tracker.track_request("m", prompt, completion)

    assert tracker.total.cost_nano == sum(70 * p + 590 * c for p, c in used)


def test_each_request_is_rounded_once_and_half_up() -> None:
    tracker = UsageTracker(prices={"m": "0.0000000005"})
    tracker.track_request("m", 1, 0)
    tracker.track_request("m", 1, 2)

    assert tracker.total.cost_nano == 1 + 2


def test_threads_lose_nothing() -> None:
    tracker = UsageTracker(prices={"m": 1e-9})

    def track(_: int) -> None:
        for _ in range(200):
            tracker.track_request("m", 2, 1)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(track, range(8)))

    assert tracker.total.requests == 1600
    assert tracker.total.cost_nano == tracker.total.tokens == 4800


def test_a_spent_budget_stops_the_next_request_before_it_is_sent() -> None:
    openai = pytest.importorskip("openai")
    used = {"choices": [], "usage": {"prompt_tokens": 3_000_000, "completion_tokens": 0}}
    tracker = UsageTracker(prices={"m": 1e-6}, budget_usd=6)
    with scripted(answer(used)) as server:
        client = tracker.wrap(openai.OpenAI(api_key="k", base_url=server.url))
        ask: Callable[[], Any] = lambda: client.chat.completions.create(model="m", messages=[])  # noqa: E731
        ask(), ask()

        with pytest.raises(BudgetSpent, match=r"\$6\.000000000 of the budget of \$6"):
            ask()
        assert len(server.asked) == 2
        client.close()


@pytest.mark.parametrize(
    "price",
    [-1, "free", float("nan"), 10**7, {}, {"output": 1}, {"input": 0, "image": 1}, {"input": -1}],
)
def test_prices_that_make_no_sense_are_refused_by_name(price: Any) -> None:
    with pytest.raises(ValueError, match="price of mine"):
        UsageTracker(prices={"mine": price})


@pytest.mark.parametrize("budget", [-0.01, float("inf"), "lots"])
def test_budgets_that_make_no_sense_are_refused(budget: Any) -> None:
    with pytest.raises(ValueError, match="no number of dollars"):
        UsageTracker(budget_usd=budget)
