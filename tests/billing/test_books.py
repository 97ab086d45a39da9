"""The books balance whatever happens, and show where somebody wrote past Hearth."""

from __future__ import annotations

import random

import httpx
import pytest
from sqlalchemy import text

from hearth.accounts import OPERATOR
from hearth.billing import Mode
from hearth.billing.books import TrialBalance, trial_balance
from hearth.limits import QuotaId
from hearth.pricing import NANO, Quantities, Unit, cost_nano, price_for
from tests.billing.books import add_book
from tests.billing.conftest import LARGE, SMALL, House, subject_of


async def books(house: House) -> TrialBalance:
    return await trial_balance(house.db, house.billing.quotas, "acme")


async def some_activity(house: House, chance: random.Random) -> None:
    """One thing that may happen to an account."""
    amount = chance.randrange(1, 3 * NANO)
    tokens = (chance.randrange(10**6), 0, chance.randrange(10**6))
    credits_ = house.billing.credits
    match chance.randrange(7):
        case 0:
            await credits_.grant("acme", amount, "paid", OPERATOR)
        case 1:
            await credits_.adjust("acme", amount - NANO or 1, "a slip", OPERATOR)
        case 2:
            await credits_.set_mode("acme", chance.choice(list(Mode)), OPERATOR)
        case 3:
            await house.billing.quotas.set("accounts/acme", QuotaId.MONTHLY_SPEND, amount)
        case 4:
            house.clock.move(days=chance.randrange(20))
        case _:
            model = chance.choice([SMALL, LARGE])
            await house.use(house.entry(house.clock(), model=model, tokens=tokens))


@pytest.mark.parametrize("seed", range(4))
async def test_the_books_balance_after_everything_that_happens(house: House, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(25):
        await some_activity(house, chance)

        found = await books(house)
        assert found.balanced, [section for section in found.sections if not section.balanced]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE usage_hours SET cost_nano = cost_nano + 1",
        "UPDATE spend_days SET cost_nano = cost_nano - 1",
        "UPDATE quotas SET value = value + 1",
    ],
)
async def test_the_books_show_what_was_written_past_hearth(house: House, statement: str) -> None:
    await house.use(house.entry(house.clock()))
    await house.billing.credits.set_mode("acme", Mode.PREPAID, OPERATOR)
    assert (await books(house)).balanced

    async with house.db.write() as conn:
        await conn.execute(text(statement))

    assert not (await books(house)).balanced


async def test_only_admins_see_the_books(
    house: House, admin: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    path = "/accounts/acme/billing/trialBalance"

    assert (await bob.get(path)).status_code == 403
    assert (await admin.get(path)).json()["balanced"] is True


async def test_a_month_is_priced_again_event_by_event(
    house: House, admin: httpx.AsyncClient
) -> None:
    tokens = [(7, 3, 1), (7, 3, 1), (1001, 0, 13)]
    used = await house.use(*(house.entry(house.clock(), tokens=each) for each in tokens))
    book = await add_book(house, "2026-dear", {"text-under-4b": "0.3333333"})
    await add_book(house, "2026-others", {}, account_id="other")
    subject = subject_of(SMALL, Unit.TOKENS)
    price = price_for(book, subject) if subject else None
    assert price is not None
    expected = sum(
        cost_nano(
            price,
            Quantities(prompt_tokens=prompt, cached_tokens=cached, completion_tokens=answer),
            cached_discount_bp=book.cached_discount_bp,
        )
        for prompt, cached, answer in tokens
    )

    path = "/accounts/acme/invoices/2026-01:whatIf"
    found = (await admin.get(path, params={"priceBook": "2026-dear"})).json()
    foreign = await admin.get(path, params={"priceBook": "2026-others"})

    assert found["cost"]["nanos"] == used
    assert found["costThen"]["nanos"] == expected
    assert found["difference"]["nanos"] == expected - used
    assert [line["requests"] for line in found["lineItems"]] == ["3"]
    assert foreign.status_code == 404
