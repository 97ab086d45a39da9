"""Setting limits, what is used of them, and who may ask at all."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from hearth.accounts import OPERATOR, Caller
from hearth.accounts.roles import Role
from hearth.billing import SuspendState
from hearth.billing.standing import Standing
from hearth.errors import AccountSuspended, InvalidRequest, NotFound
from hearth.kit.versions import read_versions
from hearth.limits import QUOTAS, QuotaId, QuotaService, Usage
from tests.limits.gateways import ACCOUNT, CALLER, DAY_S, KEY, Gateway, Time, served, set_limit

OTHER = Caller(account_id="other", user_id="eve", key_id="key-9", role=Role.USER)


@pytest.fixture
def service(gateways: list[Gateway], time: Time) -> QuotaService:
    return QuotaService(gateways[0].db, lambda: time.now_ns)


@pytest.mark.parametrize(
    ("quota_id", "value", "soft", "param"),
    [
        (QuotaId.TOTAL_SPEND, -1, None, "value"),
        (QuotaId.TOTAL_SPEND, 10**18 + 1, None, "value"),
        (QuotaId.TOTAL_SPEND, 10, 5, "softValue"),
        (QuotaId.CONCURRENT_REQUESTS, 10, 5, "softValue"),
        (QuotaId.REQUESTS, 10, 11, "softValue"),
        (QuotaId.REQUESTS, 10, -1, "softValue"),
        (QuotaId.PREPAID_CREDIT, 10, None, "name"),
    ],
)
async def test_a_limit_that_cannot_be_is_refused_and_nothing_is_set(
    service: QuotaService, quota_id: QuotaId, value: int, soft: int | None, param: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await service.set(KEY, quota_id, value, soft_value=soft)

    assert caught.value.param == param
    assert await service.list("acme") == []


@pytest.mark.parametrize(
    ("quota_id", "value", "soft"),
    [(QuotaId.TOTAL_SPEND, 0, None), (QuotaId.DAILY_SPEND, 10**18, None), (QuotaId.REQUESTS, 9, 9)],
)
async def test_the_least_and_the_most_can_be_set(
    service: QuotaService, quota_id: QuotaId, value: int, soft: int | None
) -> None:
    made = await service.set(KEY, quota_id, value, soft_value=soft)

    assert await service.get(KEY, quota_id) == made
    assert (made.value, made.soft_value) == (value, soft)


async def test_a_limit_keeps_its_uid_until_it_is_removed(service: QuotaService) -> None:
    first = await service.set(KEY, QuotaId.TOTAL_SPEND, 10)
    changed = await service.set(KEY, QuotaId.TOTAL_SPEND, 20)
    await service.remove(KEY, QuotaId.TOTAL_SPEND)
    with pytest.raises(NotFound):
        await service.get(KEY, QuotaId.TOTAL_SPEND)
    with pytest.raises(NotFound):
        await service.remove(KEY, QuotaId.TOTAL_SPEND)

    again = await service.set(KEY, QuotaId.TOTAL_SPEND, 30)

    assert first.uid == changed.uid != again.uid


async def test_prepaid_credit_is_not_removed_like_a_limit(service: QuotaService) -> None:
    with pytest.raises(InvalidRequest):
        await service.remove(ACCOUNT, QuotaId.PREPAID_CREDIT)


async def test_gateways_are_told_of_every_change(
    service: QuotaService, gateways: list[Gateway]
) -> None:
    seen = []
    for value in (10, 20):
        await service.set(KEY, QuotaId.TOTAL_SPEND, value)
        seen.append((await read_versions(gateways[0].db))[QUOTAS])
    await service.remove(KEY, QuotaId.TOTAL_SPEND)
    seen.append((await read_versions(gateways[0].db))[QUOTAS])

    assert seen == sorted(set(seen))


async def test_usage_tells_what_is_spent_and_what_is_leased_in_this_window(
    gateways: list[Gateway], service: QuotaService, time: Time
) -> None:
    quota = await set_limit(gateways, 100, QuotaId.DAILY_SPEND)
    one, two, _ = gateways
    one.settle(await served(one.admit(60), one), 50)
    await one.apply()
    await served(two.admit(40), *gateways)

    today = await service.usage(quota)
    time.pass_s(DAY_S)

    assert today == Usage(quota=quota, spent=50, leased=40)
    assert await service.usage(quota) == Usage(quota=quota, spent=0, leased=0)


async def test_usage_counts_the_keys_of_a_user_and_no_other_account(
    gateways: list[Gateway], service: QuotaService
) -> None:
    user = await set_limit(gateways, 1_000, subject=f"{ACCOUNT}/users/ada")
    other = await set_limit(gateways, 1_000, subject="accounts/other")
    one = gateways[0]
    second = Caller(account_id="acme", user_id="ada", key_id="key-2", role=Role.USER)
    for caller in (CALLER, second):
        one.settle(await served(one.admit(100, caller), one), 30)
    await one.apply()

    assert (await service.usage(user)).spent == 60
    assert await service.usage(other) == Usage(quota=other, spent=0, leased=0)


async def test_usage_of_requests_at_once_is_how_many_run(
    gateways: list[Gateway], service: QuotaService
) -> None:
    quota = await set_limit(gateways, 2, QuotaId.CONCURRENT_REQUESTS)
    for gateway in gateways[:2]:
        await served(gateway.admit(5), *gateways)

    assert await service.usage(quota) == Usage(quota=quota, spent=0, leased=2)


async def test_a_rate_has_no_usage(gateways: list[Gateway], service: QuotaService) -> None:
    quota = await set_limit(gateways, 5, QuotaId.REQUESTS)

    assert await service.usage(quota) == Usage(quota=quota, spent=0, leased=0)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (SuspendState.FAILED_PAYMENTS, "its payments have failed"),
        (SuspendState.BLOCKED_BY_ABUSE_RULE, "its use broke a rule"),
    ],
)
async def test_who_is_suspended_may_ask_nothing_and_others_may(
    gateways: list[Gateway], service: QuotaService, state: SuspendState, reason: str
) -> None:
    one = gateways[0]
    standing = Standing(one.db, service)
    one.limits.gate(CALLER)

    before = (await read_versions(one.db)).get(QUOTAS, 0)
    await standing.set_suspended("acme", state, OPERATOR)
    assert (await read_versions(one.db))[QUOTAS] > before
    await one.limits.refresh()

    with pytest.raises(AccountSuspended, match=f"acme is suspended: {reason}"):
        one.limits.gate(CALLER)
    one.limits.gate(OTHER)
    await standing.set_suspended("acme", SuspendState.UNSUSPENDED, OPERATOR)
    await one.limits.refresh()
    one.limits.gate(CALLER)


async def test_a_state_without_words_of_its_own_is_named(gateways: list[Gateway]) -> None:
    one = gateways[0]
    async with one.db.write() as conn:
        await conn.execute(text("INSERT INTO billing_accounts VALUES ('acme', 'postpaid', 'ODD')"))
    await one.limits.refresh()

    with pytest.raises(AccountSuspended, match="it is ODD"):
        one.limits.gate(CALLER)
