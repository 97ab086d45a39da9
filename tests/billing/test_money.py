"""Money on the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearth.billing.money import MAX_DOLLARS, Money, dollars, from_money, read_dollars, to_money
from hearth.errors import InvalidRequest
from hearth.pricing import NANO

LIMIT = MAX_DOLLARS * NANO
AMOUNTS = st.integers(min_value=-LIMIT, max_value=LIMIT)


@given(AMOUNTS)
def test_money_and_dollars_say_exactly_the_amount(nano: int) -> None:
    money = to_money(nano)

    assert from_money(money, param="amount") == nano
    assert int(money.units) * NANO + money.nanos == nano
    assert int(money.units) * money.nanos >= 0
    assert read_dollars(dollars(nano), param="value") == nano


@pytest.mark.parametrize(
    ("nano", "units", "nanos", "text"),
    [
        (0, "0", 0, "0.00"),
        (1, "0", 1, "0.000000001"),
        (-1, "0", -1, "-0.000000001"),
        (-1_750_000_000, "-1", -750_000_000, "-1.75"),
        (10_000_000, "0", 10_000_000, "0.01"),
        (20 * NANO, "20", 0, "20.00"),
    ],
)
def test_amounts_are_written_as_google_writes_them(
    nano: int, units: str, nanos: int, text: str
) -> None:
    assert to_money(nano) == Money(currency_code="USD", units=units, nanos=nanos)
    assert dollars(nano) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "1e3",
        "0,01",
        "0.0000000001",
        "9000000001",
        "NaN",
        "1.",
        ".5",
        "\u0663",
        "1 ",
        "--1",
    ],
)
def test_what_is_no_amount_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_dollars(text, param="value")

    assert caught.value.param == "value"


@pytest.mark.parametrize(
    "money",
    [
        Money(currency_code="EUR", units="1"),
        Money(units="1", nanos=-1),
        Money(units="-1", nanos=1),
        Money(units="-0", nanos=1),
        Money(units="9000000001"),
    ],
)
def test_money_that_cannot_be_is_refused(money: Money) -> None:
    with pytest.raises(InvalidRequest):
        from_money(money, param="amount")
