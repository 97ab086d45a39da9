"""Credit: granted, redeemed, adjusted, and what it pays."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from hearth.accounts import OPERATOR, Role
from hearth.billing import Mode
from hearth.errors import InvalidRequest
from hearth.limits import QuotaId
from hearth.pricing import NANO
from tests.billing.conftest import JANUARY, House

BALANCE = "/accounts/acme/billing/balance"


async def money(client: httpx.AsyncClient, field: str = "money") -> int:
    """A field of the balance, in nano-USD."""
    amount = (await client.get(BALANCE)).json()[field]
    return int(amount["units"]) * NANO + int(amount["nanos"])


async def credit_limit(house: House) -> int | None:
    """What the gateways let a prepaid account spend in all."""
    quotas = await house.billing.quotas.list("acme")
    return next((q.value for q in quotas if q.quota_id is QuotaId.PREPAID_CREDIT), None)


async def test_a_code_is_redeemed_once_by_an_account_and_is_shown_nowhere(
    house: House, admin: httpx.AsyncClient
) -> None:
    code = await house.billing.codes.create(
        5 * NANO, max_redemptions=2, expire_time=None, actor=OPERATOR
    )

    answer = await admin.post("/creditCodes:redeem", json={"code": code, "name": "accounts/acme"})
    again = await admin.post("/creditCodes:redeem", json={"code": code, "name": "accounts/acme"})

    assert answer.json() == {"amount": {"currencyCode": "USD", "units": "5", "nanos": 0}}
    assert again.status_code == 409
    assert await money(admin) == 5 * NANO
    (redeemed,) = (await admin.get("/accounts/acme/creditRedemptions")).json()["creditRedemptions"]
    assert redeemed["amount"]["units"] == "5"
    assert redeemed["createTime"] == "2026-01-31T12:00:00Z"
    async with house.db.read() as conn:
        for table in ("credit_codes", "credit_entries", "credit_redemptions", "audit_log"):
            rows = (await conn.execute(select(text("*")).select_from(text(table)))).all()
            assert code not in str(rows)


async def test_a_code_ends_by_its_time_and_by_its_number(
    house: House, admin: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    codes = house.billing.codes
    until = house.clock() + timedelta(days=1)
    short = await codes.create(NANO, max_redemptions=9, expire_time=until, actor=OPERATOR)
    single = await codes.create(NANO, max_redemptions=1, expire_time=None, actor=OPERATOR)

    taken = await stranger.post("/creditCodes:redeem", json={"code": single})
    late = await admin.post("/creditCodes:redeem", json={"code": single})
    house.clock.move(days=1)
    expired = await admin.post("/creditCodes:redeem", json={"code": short})

    assert taken.status_code == 200
    assert (late.status_code, expired.status_code) == (409, 409)
    assert "used up" in late.json()["message"]
    assert "expired" in expired.json()["message"]
    assert await money(admin) == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"code": "credit_unknown"}, 404),
        ({"code": ""}, 404),
        ({}, 400),
        ({"code": 5}, 400),
        ({"code": "x", "name": "accounts/other"}, 404),
        ({"code": "x" * 300}, 400),
    ],
)
async def test_what_cannot_be_redeemed_is_refused(
    admin: httpx.AsyncClient, body: dict[str, object], status: int
) -> None:
    assert (await admin.post("/creditCodes:redeem", json=body)).status_code == status


async def test_only_admins_redeem(house: House, bob: httpx.AsyncClient) -> None:
    code = await house.billing.codes.create(
        NANO, max_redemptions=1, expire_time=None, actor=OPERATOR
    )

    assert (await bob.post("/creditCodes:redeem", json={"code": code})).status_code == 403


async def test_the_limit_of_a_prepaid_account_is_always_the_sum_of_its_entries(
    house: House, admin: httpx.AsyncClient
) -> None:
    credits_ = house.billing.credits
    used = await house.use(house.entry(JANUARY), house.entry(JANUARY))

    await credits_.set_mode("acme", Mode.PREPAID, OPERATOR)
    assert await credit_limit(house) == used
    assert await money(admin) == 0
    await credits_.grant("acme", 3 * NANO, "paid by wire", OPERATOR)
    assert await credit_limit(house) == used + 3 * NANO
    await credits_.adjust("acme", -NANO, "charged back", OPERATOR)
    assert await credit_limit(house) == used + 2 * NANO
    more = await house.use(house.entry(JANUARY))

    assert await money(admin) == 2 * NANO - more
    assert await money(admin, "amountDue") == used
    account = await house.billing.standing.account("acme")
    assert account.mode is Mode.PREPAID
    await credits_.set_mode("acme", Mode.POSTPAID, OPERATOR)
    assert await credit_limit(house) is None


async def test_turning_prepaid_keeps_credit_that_was_left(
    house: House, admin: httpx.AsyncClient
) -> None:
    await house.billing.credits.grant("acme", 5 * NANO, "welcome", OPERATOR)
    used = await house.use(house.entry(JANUARY))

    for mode in (Mode.PREPAID, Mode.POSTPAID, Mode.PREPAID):
        await house.billing.credits.set_mode("acme", mode, OPERATOR)

        assert await money(admin) == 5 * NANO - used
        assert await money(admin, "amountDue") == 0


@pytest.mark.parametrize(
    ("amount", "reason"), [(0, "x"), (-NANO, "x"), (10**17, "x"), (NANO, ""), (NANO, "a\nb")]
)
async def test_credit_that_cannot_be_meant_is_refused(
    house: House, amount: int, reason: str
) -> None:
    with pytest.raises(InvalidRequest):
        await house.billing.credits.grant("acme", amount, reason, OPERATOR)

    async with house.db.read() as conn:
        assert (await conn.execute(text("SELECT COUNT(*) FROM credit_entries"))).scalar() == 0


async def test_what_an_operator_does_is_in_the_audit_log(house: House) -> None:
    await house.billing.credits.grant("acme", NANO, "welcome", OPERATOR)
    await house.billing.credits.set_mode("acme", Mode.PREPAID, OPERATOR)

    async with house.db.read() as conn:
        rows = await conn.execute(
            text("SELECT method, principal, payload FROM audit_log ORDER BY id")
        )
        found = [tuple(row) for row in rows if row.principal == "operator"]
    assert [row[0] for row in found][-2:] == ["GrantCredit", "SetBillingMode"]
    assert '"amountUsd":"1.00"' in found[-2][2]


@pytest.mark.parametrize("statement", ["UPDATE {} SET account_id = 'x'", "DELETE FROM {}"])
async def test_the_database_refuses_to_change_a_credit_entry(house: House, statement: str) -> None:
    await house.billing.credits.grant("acme", NANO, "welcome", OPERATOR)

    with pytest.raises(DBAPIError, match="only be added to"):
        async with house.db.write() as conn:
            await conn.execute(text(statement.format("credit_entries")))


async def test_another_accounts_credit_is_not_there(
    house: House, stranger: httpx.AsyncClient
) -> None:
    await house.add_user("acme", "ann", Role.ADMIN)

    for path in (BALANCE, "/accounts/acme/creditRedemptions"):
        assert (await stranger.get(path)).status_code == 404
