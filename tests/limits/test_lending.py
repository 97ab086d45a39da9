"""Budgets over several gateways: exact at the limit, and nothing is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hearth.errors import RateLimited
from hearth.limits import QuotaId, QuotaService
from tests.limits.gateways import CALLER, DAY_S, Flaky, Gateway, Time, refusal, served

KEY = "accounts/acme/users/ada/apiKeys/key-1"
ACCOUNT = "accounts/acme"


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def gateways(db_url: str, tmp_path: Path, time: Time) -> AsyncIterator[list[Gateway]]:
    made = [Gateway(Flaky(db_url), tmp_path, time) for _ in range(3)]
    yield made
    for gateway in made:
        gateway.kill()
        await gateway.db.close()


async def set_limit(
    gateways: list[Gateway],
    value: int,
    quota_id: QuotaId = QuotaId.TOTAL_SPEND,
    subject: str = KEY,
) -> None:
    service = QuotaService(gateways[0].db)
    async with gateways[0].db.write() as conn:
        await service.put(conn, subject, quota_id, value)
    for gateway in gateways:
        await gateway.sync()
        await gateway.limits.refresh()


async def test_a_key_without_limits_never_touches_the_database(gateways: list[Gateway]) -> None:
    wallet = gateways[0].limits.wallet(CALLER)

    hold = wallet.try_hold(10**12, 0)

    assert hold is not None
    assert hold.ids == ()


async def test_a_budget_is_used_up_exactly(gateways: list[Gateway]) -> None:
    await set_limit(gateways, 100)
    one, two, three = gateways

    for gateway, bound in ((one, 40), (two, 40), (three, 20)):
        await served(gateway.admit(bound), *gateways)

    for gateway in gateways:
        error = await refusal(gateway.admit(1), *gateways)
        assert isinstance(error, RateLimited)


async def test_a_new_day_has_a_new_budget(gateways: list[Gateway], time: Time) -> None:
    await set_limit(gateways, 100, quota_id=QuotaId.DAILY_SPEND)
    one, two, _ = gateways
    await served(one.admit(100), *gateways)

    time.pass_s(DAY_S)

    await served(two.admit(100), *gateways)
