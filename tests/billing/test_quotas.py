"""Limits over HTTP, of accounts, users and keys."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import text

from hearth.accounts import OPERATOR
from hearth.billing import Mode, SuspendState
from hearth.errors import InvalidRequest
from hearth.limits import QuotaId
from hearth.pricing import NANO, parse_usd
from tests.billing.conftest import House

MONTHLY = "/accounts/acme/quotas/monthly-spend-usd"
SET = {"allowMissing": "true"}


async def test_a_limit_of_a_cent_is_set_read_and_lifted(
    house: House, admin: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    key = f"/accounts/acme/users/bob/apiKeys/{house.key_ids['bob']}/quotas/monthly-spend-usd"
    used = await house.use(house.entry(house.clock(), user_id="bob"))

    changed = await admin.patch(key, params=SET, json={"value": "0.01"})

    assert changed.status_code == 200, changed.text
    shown = (await bob.get(key)).json()
    assert shown == changed.json()
    assert shown["name"] == key.removeprefix("/")
    assert shown["value"] == "0.01"
    assert shown["amount"] == {"currencyCode": "USD", "units": "0", "nanos": 10_000_000}
    assert shown["usageAmount"]["nanos"] == used
    assert shown["usage"] == pytest.approx(used / NANO)
    assert (await admin.delete(key)).json() == {}
    assert (await admin.get(key)).status_code == 404


@pytest.mark.parametrize(
    ("body", "nano"),
    [
        ({"value": "20"}, 20 * NANO),
        ({"value": 20}, 20 * NANO),
        ({"value": 0.01}, NANO // 100),
        ({"value": "0"}, 0),
        ({"amount": {"units": "1", "nanos": 500_000_000}}, 3 * NANO // 2),
    ],
)
async def test_a_spending_limit_is_taken_in_dollars(
    admin: httpx.AsyncClient, body: dict[str, object], nano: int
) -> None:
    shown = (await admin.patch(MONTHLY, params=SET, json=body)).json()

    amount = shown["amount"]
    assert int(amount["units"]) * NANO + amount["nanos"] == nano


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (MONTHLY, {"value": "-1"}, "value"),
        (MONTHLY, {"value": "many"}, "value"),
        (MONTHLY, {"value": "1e3"}, "value"),
        (MONTHLY, {"value": "1000000001"}, "value"),
        (MONTHLY, {"value": None}, "value"),
        (MONTHLY, {"value": True}, "value"),
        (MONTHLY, {}, "value"),
        (MONTHLY, {"value": "1", "amount": {"units": "1"}}, "amount"),
        (MONTHLY, {"amount": {"units": "1", "currencyCode": "EUR"}}, "amount.currencyCode"),
        (MONTHLY, {"amount": {"units": "1", "nanos": -5}}, "amount"),
        (MONTHLY, {"value": "1", "softValue": "1"}, "softValue"),
        ("/accounts/acme/quotas/serverless-inference-rpm", {"value": "1.5"}, "value"),
        ("/accounts/acme/quotas/serverless-inference-rpm", {"value": 10**13}, "value"),
        ("/accounts/acme/quotas/serverless-inference-rpm", {"amount": {}}, "amount"),
        ("/accounts/acme/quotas/prepaid-credit-usd", {"value": "5"}, "name"),
    ],
)
async def test_a_limit_that_cannot_be_is_refused_by_name(
    admin: httpx.AsyncClient, path: str, body: dict[str, object], param: str
) -> None:
    answer = await admin.patch(path, params=SET, json=body)

    assert answer.status_code == 400, answer.text
    assert param in answer.json()["message"]
    assert (await admin.get("/accounts/acme/quotas")).json()["quotas"] == []


async def test_a_limit_that_is_not_set_is_changed_only_when_missing_is_allowed(
    admin: httpx.AsyncClient,
) -> None:
    assert (await admin.patch(MONTHLY, json={"value": "5"})).status_code == 404
    assert (await admin.patch(MONTHLY, params=SET, json={"value": "5"})).status_code == 200
    assert (await admin.patch(MONTHLY, json={"value": "6"})).json()["value"] == "6"
    assert (await admin.delete(MONTHLY)).status_code == 200
    assert (await admin.delete(MONTHLY)).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/acme/quotas/lora-count",
        "/accounts/acme/users/nobody/quotas/monthly-spend-usd",
        "/accounts/acme/users/bob/apiKeys/key-none/quotas/monthly-spend-usd",
        "/accounts/other/quotas/monthly-spend-usd",
    ],
)
async def test_nothing_is_set_for_who_is_not_there(
    admin: httpx.AsyncClient, bob: httpx.AsyncClient, path: str
) -> None:
    assert (await admin.patch(path, params=SET, json={"value": "1"})).status_code == 404
    assert (await admin.get(path)).status_code == 404


async def test_only_admins_change_limits_and_users_see_their_own(
    house: House, admin: httpx.AsyncClient, bob: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    own = "/accounts/acme/users/bob/quotas/daily-spend-usd"
    for path in (MONTHLY, own):
        assert (await bob.patch(path, params=SET, json={"value": "1"})).status_code == 403
        assert (await admin.patch(path, params=SET, json={"value": "1"})).status_code == 200
        assert (await bob.get(path)).status_code == 200
        assert (await bob.delete(path)).status_code == 403
        assert (await stranger.get(path)).status_code == 404
    anns = "/accounts/acme/users/ann/quotas"
    assert (await bob.get(anns)).status_code == 403


async def test_each_list_has_its_own_limits_only(
    house: House, admin: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    await admin.patch(MONTHLY, params=SET, json={"value": "9"})
    await admin.patch(
        "/accounts/acme/quotas/serverless-inference-rpm",
        params=SET,
        json={"value": 60, "softValue": 50},
    )
    await admin.patch(
        "/accounts/acme/users/bob/quotas/total-spend-usd", params=SET, json={"value": "3"}
    )

    account = (await admin.get("/accounts/acme/quotas")).json()
    first = (await admin.get("/accounts/acme/quotas?pageSize=1")).json()
    soft = (await admin.get("/accounts/acme/quotas", params={"filter": "softValue:*"})).json()

    assert [each["value"] for each in account["quotas"]] == ["9", "60"]
    assert account["quotas"][1]["softValue"] == "50"
    assert account["totalSize"] == 2
    assert [each["value"] for each in soft["quotas"]] == ["60"]
    assert (len(first["quotas"]), first["nextPageToken"]) == (1, "1")
    users = (await bob.get("/accounts/acme/users/bob/quotas")).json()["quotas"]
    assert [each["name"] for each in users] == ["accounts/acme/users/bob/quotas/total-spend-usd"]


async def test_limits_on_tokens_are_shown_as_rate_limits(admin: httpx.AsyncClient) -> None:
    path = "/accounts/acme/quotas/serverless-inference-generated-tpm"
    await admin.patch(path, params=SET, json={"value": "1000"})

    found = (await admin.get("/accounts/acme/serverlessRateLimits")).json()

    assert found == {
        "rateLimits": [
            {"deployment": "serverless", "metric": "TOKENS_GENERATED", "effectiveLimit": 1000.0}
        ]
    }


async def test_every_change_of_a_limit_is_in_the_audit_log(
    house: House, admin: httpx.AsyncClient
) -> None:
    await admin.patch(MONTHLY, params=SET, json={"value": "0.01"})
    await admin.delete(MONTHLY)

    async with house.db.read() as conn:
        rows = await conn.execute(
            text(
                "SELECT method, principal, resource, payload FROM audit_log "
                "WHERE resource LIKE '%quotas%' ORDER BY id"
            )
        )
        found = [tuple(row) for row in rows]
    assert [row[0] for row in found] == ["UpdateQuota", "DeleteQuota"]
    assert {row[1] for row in found} == {"accounts/acme/users/ann"}
    assert '"limit":10000000' in found[0][3]


async def test_the_state_of_an_account_follows_from_operator_limit_and_credit(
    house: House, admin: httpx.AsyncClient
) -> None:
    standing, credits_ = house.billing.standing, house.billing.credits
    used = await house.use(house.entry(house.clock()))
    assert await standing.suspend_state("acme") is SuspendState.UNSUSPENDED

    await house.billing.quotas.set("accounts/acme", QuotaId.MONTHLY_SPEND, used)
    assert await standing.suspend_state("acme") is SuspendState.MONTHLY_SPEND_LIMIT_EXCEEDED
    await house.billing.quotas.set("accounts/acme", QuotaId.MONTHLY_SPEND, used + 1)
    assert await standing.suspend_state("acme") is SuspendState.UNSUSPENDED
    await credits_.set_mode("acme", Mode.PREPAID, OPERATOR)
    assert await standing.suspend_state("acme") is SuspendState.CREDIT_DEPLETED
    await credits_.grant("acme", parse_usd("1"), "paid", OPERATOR)
    assert await standing.suspend_state("acme") is SuspendState.UNSUSPENDED
    await standing.set_suspended("acme", SuspendState.FAILED_PAYMENTS, OPERATOR)
    assert await standing.suspend_state("acme") is SuspendState.FAILED_PAYMENTS
    await standing.set_suspended("acme", SuspendState.UNSUSPENDED, OPERATOR)
    assert await standing.suspend_state("acme") is SuspendState.UNSUSPENDED
    with pytest.raises(InvalidRequest):
        await standing.set_suspended("acme", SuspendState.CREDIT_DEPLETED, OPERATOR)
