"""How credit pays usage, month by month: pure arithmetic.

Credit pays the oldest month first and carries over what is left. An adjustment moves the month it
is made in. Whatever an account owed on invoices at the moment it turned prepaid stays owed there:
its opening entries say how much that is, over all months, and credit that came later cannot pay it.

At every moment:  sum of dues = usage - adjustments - credits + credit left.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class MonthMoney(Struct, frozen=True, kw_only=True):
    """What moved in one month, in nano-USD."""

    month: str
    usage: int = 0
    credits: int = 0
    "Granted and redeemed."
    adjustments: int = 0
    "Positive in the customer's favour."
    openings: int = 0


class Statement(Struct, frozen=True, kw_only=True):
    """What one month comes to, in nano-USD.

    `usage - adjustments = credits_applied + due - carried`.
    """

    month: str
    usage: int
    adjustments: int
    credits_applied: int
    carried: int
    "By which the adjustments exceed the usage: it becomes credit."
    due: int
    credit_left: int
    "At the end of the month, or now."


def statements(months: Iterable[MonthMoney]) -> list[Statement]:
    """What each month comes to.

    Args:
        months: in order, from the account's first on; months without any movement may be left out.
    """
    pool = owed = openings = 0
    found = []
    for month in months:
        pool += month.credits
        openings += month.openings
        net = month.usage - month.adjustments
        charges, carried = max(net, 0), max(-net, 0)
        kept_out = max(openings - owed, 0)
        applied = min(max(pool, 0), max(charges - kept_out, 0))
        due = charges - applied
        pool += carried - applied
        owed += due
        found.append(
            Statement(
                month=month.month,
                usage=month.usage,
                adjustments=month.adjustments,
                credits_applied=applied,
                carried=carried,
                due=due,
                credit_left=pool,
            )
        )
    return found


def nothing(month: str, *, credit_left: int = 0) -> Statement:
    """A month in which nothing moved."""
    return Statement(
        month=month,
        usage=0,
        adjustments=0,
        credits_applied=0,
        carried=0,
        due=0,
        credit_left=credit_left,
    )
