"""The choice among the deployments of a router, by its properties."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hearth.deployments.routers.choosing import RouterPlan, choose_deployment, plan_of
from hearth.deployments.routers.types import EvenLoad, Router, WeightedRandom

DRAWS = 4000
SIGMAS = 5
"Bounds that a sound choice leaves once in a million tries."

weightings = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d", "e"]),
    st.floats(0.05, 20),
    min_size=2,
    max_size=5,
)


def plan(weights: Mapping[str, float], *, is_even_load: bool = False) -> RouterPlan:
    return RouterPlan(weights=tuple(weights.items()), is_even_load=is_even_load)


def check_shares(counts: Counter[str | None], weights: Mapping[str, float]) -> None:
    """Each count is within its bounds around its share of the weights."""
    whole, draws = sum(weights.values()), counts.total()
    for name, weight in weights.items():
        share = weight / whole
        bound = SIGMAS * (share * (1 - share) * draws) ** 0.5 + 1
        assert abs(counts[name] - share * draws) <= bound, (name, counts, weights)


@settings(max_examples=25, deadline=None)
@given(weights=weightings, seed=st.integers(0, 2**32))
def test_draws_are_shared_by_weight(weights: dict[str, float], seed: int) -> None:
    random, ready = Random(seed), dict.fromkeys(weights, 0)

    counts = Counter(
        choose_deployment(plan(weights), ready, random).deployment for _ in range(DRAWS)
    )

    check_shares(counts, weights)


@settings(max_examples=25, deadline=None)
@given(weights=weightings, salt=st.integers(0, 2**32))
def test_sessions_are_shared_by_weight_too(weights: dict[str, float], salt: int) -> None:
    random, ready = Random(0), dict.fromkeys(weights, 0)

    chosen = [choose_deployment(plan(weights), ready, random, f"{salt}-{n}") for n in range(DRAWS)]

    check_shares(Counter(each.deployment for each in chosen), weights)


@settings(max_examples=50, deadline=None)
@given(weights=weightings, key=st.text(min_size=1), seeds=st.tuples(st.integers(), st.integers()))
def test_a_session_stays_whatever_is_drawn(
    weights: dict[str, float], key: str, seeds: tuple[int, int]
) -> None:
    ready = dict.fromkeys(weights, 0)

    first, second = (choose_deployment(plan(weights), ready, Random(seed), key) for seed in seeds)

    assert first == second


@settings(max_examples=25, deadline=None)
@given(weights=weightings, data=st.data())
def test_only_the_sessions_of_a_deployment_that_goes_move(
    weights: dict[str, float], data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(sorted(weights)))
    ready, left = dict.fromkeys(weights, 0), dict.fromkeys(weights.keys() - {gone}, 0)

    for number in range(300):
        before = choose_deployment(plan(weights), ready, Random(0), f"session-{number}").deployment
        after = choose_deployment(plan(weights), left, Random(0), f"session-{number}").deployment

        assert after != gone
        if before != gone:
            assert after == before


@settings(max_examples=25, deadline=None)
@given(weights=weightings, factor=st.floats(1.1, 10), data=st.data())
def test_a_deployment_whose_weight_grows_only_wins_sessions(
    weights: dict[str, float], factor: float, data: st.DataObject
) -> None:
    grown = data.draw(st.sampled_from(sorted(weights)))
    more = weights | {grown: weights[grown] * factor}
    ready = dict.fromkeys(weights, 0)

    for number in range(300):
        before = choose_deployment(plan(weights), ready, Random(0), f"session-{number}").deployment
        after = choose_deployment(plan(more), ready, Random(0), f"session-{number}").deployment

        assert after in {before, grown}


def test_what_is_not_ready_is_left_out_and_woken_in_its_turn() -> None:
    weights = {"a": 1.0, "b": 1.0, "c": 1.0}

    choices = [choose_deployment(plan(weights), {"b": 0}, Random(n)) for n in range(60)]

    assert {(each.deployment, each.left_out) for each in choices} == {("b", ("a", "c"))}
    assert {each.missed for each in choices} == {"", "a", "c"}


@settings(max_examples=25, deadline=None)
@given(weights=weightings, data=st.data(), key=st.sampled_from(["", "session-"]))
def test_what_is_ready_shares_all_requests_by_weight(
    weights: dict[str, float], data: st.DataObject, key: str
) -> None:
    ready = data.draw(st.sets(st.sampled_from(sorted(weights)), min_size=1))
    random, loads = Random(data.draw(st.integers(0, 2**32))), dict.fromkeys(ready, 0)

    keys = [f"{key}{number}" if key else "" for number in range(DRAWS)]
    counts = Counter(
        choose_deployment(plan(weights), loads, random, each).deployment for each in keys
    )

    check_shares(counts, {name: weights[name] for name in ready})


def test_nothing_ready_is_no_choice() -> None:
    choice = choose_deployment(plan({"a": 1.0, "b": 2.0}), {}, Random(0), "s")

    assert choice.deployment is None
    assert choice.left_out == ("a", "b")
    assert choice.missed in {"a", "b"}


def test_a_weight_of_zero_gets_nothing_even_when_it_alone_is_ready() -> None:
    weights = {"a": 0.0, "b": 1.0}

    assert choose_deployment(plan(weights), {"a": 0}, Random(0), "s").deployment is None
    assert choose_deployment(plan(weights), {"a": 0, "b": 0}, Random(0), "s").deployment == "b"


@given(
    loads=st.dictionaries(st.sampled_from("abcd"), st.integers(0, 9), min_size=1),
    key=st.sampled_from(["", "s"]),
)
def test_even_load_takes_the_least_busy(loads: dict[str, int], key: str) -> None:
    even = plan(dict.fromkeys("abcd", 1.0), is_even_load=True)

    chosen = choose_deployment(even, loads, Random(0), key).deployment

    assert chosen is not None
    assert loads[chosen] == min(loads.values())


def test_even_load_spreads_what_ties() -> None:
    even = plan(dict.fromkeys("abcd", 1.0), is_even_load=True)
    ready, random = dict.fromkeys("abcd", 3), Random(0)

    counts = Counter(choose_deployment(even, ready, random).deployment for _ in range(DRAWS))

    check_shares(counts, dict.fromkeys("abcd", 1.0))


@pytest.mark.parametrize(
    ("router", "expected"),
    [
        (Router(deployments=["a", "b"]), RouterPlan(weights=(("a", 1.0), ("b", 1.0)))),
        (
            Router(
                deployments=["a", "b"],
                weighted_random=WeightedRandom(weights={"a": 70, "b": 30}),
            ),
            RouterPlan(weights=(("a", 70), ("b", 30))),
        ),
        (
            Router(deployments=["a"], even_load=EvenLoad()),
            RouterPlan(weights=(("a", 1.0),), is_even_load=True),
        ),
    ],
)
def test_a_stored_router_becomes_a_plan(router: Router, expected: RouterPlan) -> None:
    assert plan_of(router) == expected
