"""How credit pays usage, month by month."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hearth.billing.invoices.statement import MonthMoney, Statement, statements

AMOUNTS = st.integers(min_value=0, max_value=10**12)
SIGNED = st.integers(min_value=-(10**12), max_value=10**12)


@st.composite
def histories(draw: st.DrawFn) -> list[MonthMoney]:
    """Months of usage, credit and adjustments, in some of which the account turns prepaid."""
    return [
        MonthMoney(
            month=f"2026-{number:02}",
            usage=draw(AMOUNTS),
            credits=draw(AMOUNTS | st.just(0)),
            adjustments=draw(SIGNED | st.just(0)),
            openings=draw(AMOUNTS | st.just(0)),
        )
        for number in range(1, draw(st.integers(1, 8)) + 1)
    ]


@given(histories())
def test_everything_used_is_owed_or_paid_and_no_credit_is_lost(history: list[MonthMoney]) -> None:
    found = statements(history)

    due = used = given_credit = adjusted = 0
    for month, statement in zip(history, found, strict=True):
        due += statement.due
        used += month.usage
        given_credit += month.credits
        adjusted += month.adjustments
        assert due == used - adjusted - given_credit + statement.credit_left
        assert min(statement.due, statement.credits_applied, statement.carried) >= 0
        assert statement.credit_left >= 0
        net = statement.usage - statement.adjustments
        assert net == statement.credits_applied + statement.due - statement.carried


@given(histories(), histories())
def test_later_months_never_change_earlier_ones(
    earlier: list[MonthMoney], later: list[MonthMoney]
) -> None:
    assert statements([*earlier, *later])[: len(earlier)] == statements(earlier)


def test_credit_pays_the_oldest_month_first_and_the_rest_carries_over() -> None:
    first, second = statements(
        [MonthMoney(month="2026-01", usage=70, credits=100), MonthMoney(month="2026-02", usage=50)]
    )

    assert first == Statement(
        month="2026-01",
        usage=70,
        adjustments=0,
        credits_applied=70,
        carried=0,
        due=0,
        credit_left=30,
    )
    assert (second.credits_applied, second.due, second.credit_left) == (30, 20, 0)


def test_what_was_owed_before_turning_prepaid_is_not_paid_from_later_credit() -> None:
    # 40 were used and owed when the account turned prepaid; then 100 were paid in and 10 used.
    (month,) = statements([MonthMoney(month="2026-01", usage=50, credits=100, openings=40)])

    assert (month.due, month.credits_applied, month.credit_left) == (40, 10, 90)


def test_an_adjustment_above_the_usage_becomes_credit() -> None:
    first, second = statements(
        [
            MonthMoney(month="2026-01", usage=10, adjustments=25),
            MonthMoney(month="2026-02", usage=20),
        ]
    )

    assert (first.due, first.carried, first.credit_left) == (0, 15, 15)
    assert (second.due, second.credits_applied) == (5, 15)


def test_a_negative_adjustment_is_owed() -> None:
    (month,) = statements([MonthMoney(month="2026-01", usage=10, adjustments=-5)])

    assert month.due == 15
