"""The arithmetic of costs, against fractions."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from hearth.pricing import Price, PriceBook, Quantities, Unit, cost_nano, rate, shipped_book

AMOUNTS = st.integers(0, 10**10)
COUNTS = st.one_of(st.integers(0, 3), st.integers(0, 10**9))
POINTS = st.sampled_from([0, 1, 3333, 5000, 9999, 10_000])
SEVENTHS = Price(id="sevenths", unit=Unit.TOKENS, per=7, amount=1, output_amount=2, cached_amount=0)


@st.composite
def prices(draw: st.DrawFn) -> Price:
    unit = draw(st.sampled_from(Unit))
    tokens = unit is Unit.TOKENS
    amount = draw(AMOUNTS)
    return Price(
        id="p",
        unit=unit,
        per=draw(st.sampled_from([1, 7, 3600, 60_000, 10**6])),
        amount=amount,
        output_amount=draw(st.none() | AMOUNTS) if tokens else None,
        cached_amount=draw(st.none() | st.integers(0, amount)) if tokens else None,
        minimum=draw(st.sampled_from([0, 0, 1, 3 * 10**9])),
    )


@st.composite
def quantities(draw: st.DrawFn) -> Quantities:
    prompt = draw(COUNTS)
    return Quantities(
        prompt_tokens=prompt,
        cached_tokens=draw(st.integers(0, prompt)),
        completion_tokens=draw(COUNTS),
        units=draw(COUNTS),
    )


def exact(price: Price, used: Quantities, cached_bp: int, discount_bp: int) -> Fraction:
    """The cost before it is rounded, as the contract of prices says it."""
    if price.unit in {Unit.TOKENS, Unit.EMBEDDING_TOKENS}:
        cached = Fraction(price.amount * (10_000 - cached_bp), 10_000)
        if price.cached_amount is not None:
            cached = Fraction(price.cached_amount)
        output = price.amount if price.output_amount is None else price.output_amount
        total = (used.prompt_tokens - used.cached_tokens) * Fraction(price.amount)
        total += used.cached_tokens * cached + used.completion_tokens * output
        anything = used.prompt_tokens + used.completion_tokens > 0
    else:
        total, anything = Fraction(used.units * price.amount), used.units > 0
    least = price.minimum if anything else 0
    return max(total / price.per, Fraction(least)) * Fraction(10_000 - discount_bp, 10_000)


def half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


def cost(price: Price, used: Quantities, cached_bp: int = 5000, discount_bp: int = 0) -> int:
    return cost_nano(price, used, cached_discount_bp=cached_bp, discount_bp=discount_bp)


@given(prices(), quantities(), POINTS, POINTS)
def test_a_cost_is_the_exact_one_rounded_once_half_up(
    price: Price, used: Quantities, cached_bp: int, discount_bp: int
) -> None:
    expected = half_up(exact(price, used, cached_bp, discount_bp))

    assert cost(price, used, cached_bp, discount_bp) == expected
    assert expected >= 0


@given(prices(), quantities(), quantities(), POINTS, POINTS)
def test_more_use_never_costs_less(
    price: Price, used: Quantities, more: Quantities, cached_bp: int, discount_bp: int
) -> None:
    sum_of_both = plus(used, more)

    assert cost(price, used, cached_bp, discount_bp) <= cost(
        price, sum_of_both, cached_bp, discount_bp
    )


@given(prices(), quantities(), COUNTS, COUNTS, POINTS)
def test_what_is_held_for_a_request_covers_what_it_costs(
    price: Price, used: Quantities, prompt: int, completion: int, discount_bp: int
) -> None:
    bounds = Quantities(
        prompt_tokens=used.prompt_tokens + prompt,
        completion_tokens=used.completion_tokens + completion,
        units=used.units + prompt,
    )

    assert cost(price, used, 5000, discount_bp) <= cost(price, bounds, 5000, discount_bp)


@given(prices(), quantities(), quantities())
def test_two_events_cost_what_one_of_both_would_but_for_rounding(
    price: Price, first: Quantities, second: Quantities
) -> None:
    price = Price(id="p", unit=price.unit, per=price.per, amount=price.amount)

    apart = cost(price, first) + cost(price, second)

    assert abs(apart - cost(price, plus(first, second))) <= 1


@given(prices(), quantities(), POINTS)
def test_what_used_nothing_costs_nothing_and_all_off_is_free(
    price: Price, used: Quantities, cached_bp: int
) -> None:
    assert cost(price, Quantities(), cached_bp) == 0
    assert cost(price, used, cached_bp, 10_000) == 0


def test_half_a_nano_is_rounded_up() -> None:
    price = Price(id="p", unit=Unit.IMAGE_STEPS, per=10, amount=5)

    assert [cost(price, Quantities(units=steps)) for steps in range(5)] == [0, 1, 1, 2, 2]


def test_an_event_is_rounded_once_not_part_by_part() -> None:
    used = Quantities(prompt_tokens=3, completion_tokens=2)  # 3/7 + 4/7, each of which is no whole

    assert cost(SEVENTHS, used) == 1


def test_the_minimum_is_discounted_with_the_rest() -> None:
    price = Price(id="p", unit=Unit.TRAINING_TOKENS, per=1, amount=1, minimum=1000)

    assert cost(price, Quantities(units=5), discount_bp=5000) == 500


def test_more_cached_tokens_than_the_prompt_has_are_counted_as_its_own() -> None:
    price = Price(id="p", unit=Unit.TOKENS, per=1, amount=10)

    assert cost(price, Quantities(prompt_tokens=4, cached_tokens=9)) == 4 * 5


@given(quantities())
def test_a_rate_made_ready_costs_the_same(used: Quantities) -> None:
    book: PriceBook = shipped_book()

    for price in book.prices:
        assert rate(price, book).of(used) == cost(price, used, book.cached_discount_bp)


def test_two_billion_tokens_at_the_highest_price_fit_64_bits() -> None:
    price = Price(id="p", unit=Unit.TOKENS, per=1, amount=10**9)

    assert cost(price, Quantities(prompt_tokens=10**9, completion_tokens=10**9)) < 2**63


def plus(one: Quantities, other: Quantities) -> Quantities:
    return Quantities(
        prompt_tokens=one.prompt_tokens + other.prompt_tokens,
        cached_tokens=one.cached_tokens + other.cached_tokens,
        completion_tokens=one.completion_tokens + other.completion_tokens,
        units=one.units + other.units,
    )
