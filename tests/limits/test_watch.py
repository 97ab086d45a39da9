"""How full budgets are, as operators see it: the sums of the ledger against what is set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from hearth.kit.db import Database
from hearth.limits.types import QuotaId
from hearth.limits.watch import Budgets, BudgetWatch, UsedBudget

NOW = datetime(2026, 3, 1, 0, 0, 0, 1000, tzinfo=UTC)
"The first moment of a month: the day before is another one."
TODAY = (NOW - datetime(1970, 1, 1, tzinfo=UTC)).days


async def limit(db: Database, subject: str, quota_id: QuotaId, value: int) -> None:
    row = {
        "uid": f"{subject}:{quota_id}",
        "subject": subject,
        "quota_id": quota_id.value,
        "account_id": subject.split("/")[1],
        "value": value,
    }
    async with db.write() as conn:
        await conn.execute(
            text(
                "INSERT INTO quotas (subject, quota_id, uid, account_id, value, update_time_ns)"
                " VALUES (:subject, :quota_id, :uid, :account_id, :value, 0)"
            ),
            row,
        )


async def spend(db: Database, subject: str, day: int, cost_nano: int) -> None:
    async with db.write() as conn:
        await conn.execute(
            text("INSERT INTO spend_days (subject, day, cost_nano) VALUES (:s, :d, :c)"),
            {"s": subject, "d": day, "c": cost_nano},
        )


async def look(db: Database, *, num_fullest: int = 10, now: datetime = NOW) -> Budgets:
    return await BudgetWatch(db, num_fullest=num_fullest, clock=lambda: now).look()


def counts(budgets: Budgets) -> dict[str, tuple[int, ...]]:
    return {each.quota_id.value: each.counts for each in budgets.full}


@pytest.mark.parametrize(
    ("quota_id", "share"),
    [
        (QuotaId.DAILY_SPEND, 0.1),
        (QuotaId.MONTHLY_SPEND, 0.1),
        (QuotaId.TOTAL_SPEND, 0.9),
        (QuotaId.PREPAID_CREDIT, 0.9),
    ],
)
async def test_a_window_counts_its_own_days_only(
    db: Database, quota_id: QuotaId, share: float
) -> None:
    await limit(db, "accounts/acme", quota_id, 1000)
    await spend(db, "accounts/acme", TODAY - 1, 800)
    await spend(db, "accounts/acme", TODAY, 100)

    (budget,) = (await look(db)).fullest

    assert budget == UsedBudget(account_id="acme", quota_id=quota_id, share=share)


async def test_a_months_days_add_up_to_its_last(db: Database) -> None:
    await limit(db, "accounts/acme", QuotaId.MONTHLY_SPEND, 1000)
    for day in range(31):
        await spend(db, "accounts/acme", TODAY + day, 10)

    last = await look(db, now=NOW + timedelta(days=30))
    after = await look(db, now=NOW + timedelta(days=31))

    assert [each.share for each in last.fullest] == [0.31]
    assert [each.share for each in after.fullest] == [0.0]


async def test_budgets_of_everyone_are_counted_and_only_accounts_are_named(db: Database) -> None:
    key = "accounts/acme/users/ann/apiKeys/k"
    for subject, spent in (("accounts/acme", 500), ("accounts/other", 850), (key, 1001)):
        await limit(db, subject, QuotaId.MONTHLY_SPEND, 1000)
        await spend(db, subject, TODAY, spent)

    budgets = await look(db)

    assert counts(budgets) == {"monthly-spend-usd": (3, 2, 1, 1)}
    assert [(each.account_id, each.share) for each in budgets.fullest] == [
        ("other", 0.85),
        ("acme", 0.5),
    ]


async def test_no_more_accounts_are_named_than_asked_for(db: Database) -> None:
    for name in ("a", "b", "c"):
        await limit(db, f"accounts/{name}", QuotaId.DAILY_SPEND, 10)

    assert len((await look(db, num_fullest=2)).fullest) == 2
    assert (await look(db, num_fullest=0)).fullest == ()
    assert counts(await look(db, num_fullest=0)) == {"daily-spend-usd": (0, 0, 0, 0)}


async def test_rates_and_budgets_of_nothing_are_no_budgets(db: Database) -> None:
    await limit(db, "accounts/acme", QuotaId.REQUESTS, 10)
    await limit(db, "accounts/acme", QuotaId.CONCURRENT_REQUESTS, 10)
    await limit(db, "accounts/acme", QuotaId.DAILY_SPEND, 0)
    await spend(db, "accounts/acme", TODAY, 5)

    assert await look(db) == Budgets()


async def test_amounts_of_a_million_dollars_do_not_overflow(db: Database) -> None:
    await limit(db, "accounts/acme", QuotaId.TOTAL_SPEND, 2**62)
    for day in range(8):
        await spend(db, "accounts/acme", day, 2**59)

    (budget,) = (await look(db)).fullest

    assert budget.share == 1.0


async def test_a_database_that_fails_leaves_the_page_without_budgets(empty_db: Database) -> None:
    assert await look(empty_db) == Budgets()
