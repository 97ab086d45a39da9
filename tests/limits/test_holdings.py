"""What operators see of a gateway's leases, from admission to the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearth.errors import ApiError, PaymentRequired, RateLimited
from hearth.kit.db import Database
from hearth.limits import HeldAmounts, QuotaId, QuotaService
from tests.limits.gateways import Gateway, Time, refusal, served

ACCOUNT = "accounts/acme"
KEY = f"{ACCOUNT}/users/ada/apiKeys/key-1"


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def gateway(db: Database, tmp_path: Path, time: Time) -> Gateway:
    return Gateway(db, tmp_path, time)


async def set_limit(gateway: Gateway, subject: str, quota_id: QuotaId, value: int) -> None:
    async with gateway.db.write() as conn:
        await QuotaService(gateway.db).put(conn, subject, quota_id, value)
    await gateway.limits.refresh()


def total(amounts: HeldAmounts) -> int:
    return amounts.free + amounts.held + amounts.unapplied


async def test_money_moves_from_held_to_unapplied_to_the_ledger(gateway: Gateway) -> None:
    await set_limit(gateway, KEY, QuotaId.TOTAL_SPEND, 1000)
    holdings = gateway.limits.holdings
    assert holdings.amounts() == {}

    request = await served(gateway.admit(100), gateway)
    running = holdings.amounts()[QuotaId.TOTAL_SPEND]
    gateway.settle(request, 30)
    ended = holdings.amounts()[QuotaId.TOTAL_SPEND]
    await gateway.apply()
    booked = holdings.amounts()[QuotaId.TOTAL_SPEND]

    assert (running.held, running.unapplied) == (100, 0)
    assert (ended.held, ended.unapplied) == (0, 30)
    assert (booked.held, booked.unapplied) == (0, 0)
    assert total(running) == total(ended) == total(booked) + 30
    await gateway.close()


async def test_limits_of_a_kind_are_added_up_and_kinds_kept_apart(gateway: Gateway) -> None:
    await set_limit(gateway, KEY, QuotaId.TOTAL_SPEND, 1000)
    await set_limit(gateway, ACCOUNT, QuotaId.TOTAL_SPEND, 1000)
    await set_limit(gateway, ACCOUNT, QuotaId.CONCURRENT_REQUESTS, 8)

    request = await served(gateway.admit(100), gateway)
    amounts = gateway.limits.holdings.amounts()

    assert amounts[QuotaId.TOTAL_SPEND].held == 200
    assert amounts[QuotaId.CONCURRENT_REQUESTS].held == 1
    gateway.settle(request, 0)
    await gateway.close()


async def test_what_is_held_expires_unless_the_database_is_reached(
    gateway: Gateway, time: Time
) -> None:
    await set_limit(gateway, KEY, QuotaId.TOTAL_SPEND, 1000)
    holdings = gateway.limits.holdings
    assert holdings.expires_in_s is None

    request = await served(gateway.admit(100), gateway)
    fresh = holdings.expires_in_s
    assert fresh is not None
    time.pass_s(1.0)
    assert holdings.expires_in_s == fresh - 1.0
    time.pass_s(fresh + 100)
    assert holdings.expires_in_s == 0.0
    await gateway.sync()
    assert holdings.expires_in_s == fresh
    gateway.settle(request, 0)
    await gateway.close()


@pytest.mark.parametrize(
    ("quota_id", "value", "bound", "kind"),
    [
        (QuotaId.DAILY_SPEND, 10, 20, PaymentRequired),
        (QuotaId.DAILY_SPEND, 10, 6, RateLimited),
        (QuotaId.CONCURRENT_REQUESTS, 1, 0, RateLimited),
        (QuotaId.REQUESTS, 1, 0, RateLimited),
    ],
)
async def test_a_refusal_names_its_limit_for_operators(
    gateway: Gateway, quota_id: QuotaId, value: int, bound: int, kind: type[ApiError]
) -> None:
    await set_limit(gateway, KEY, quota_id, value)
    first = [] if bound > value else [await served(gateway.admit(bound), gateway)]

    error = await refusal(gateway.admit(bound), gateway)

    assert isinstance(error, kind)
    assert error.limit == quota_id
    for request in first:
        gateway.settle(request, 0)
    await gateway.close()
