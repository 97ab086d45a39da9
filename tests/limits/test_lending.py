"""Budgets over several gateways: exact at the limit, and nothing is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hearth.errors import PaymentRequired, RateLimited, Unavailable
from hearth.limits import QuotaId
from hearth.limits.deaths import LEASE_S, SILENCE_S
from tests.limits.gateways import (
    CALLER,
    DAY_S,
    Flaky,
    Gateway,
    Time,
    refusal,
    served,
    set_limit,
)


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


async def test_what_is_spent_stays_spent_wherever_it_was_spent(gateways: list[Gateway]) -> None:
    await set_limit(gateways, 100)
    one, two, _ = gateways
    request = await served(one.admit(60), *gateways)
    one.settle(request, 50)

    error = await refusal(two.admit(51), *gateways)
    assert isinstance(error, RateLimited)
    await one.apply()
    error = await refusal(two.admit(51), *gateways)
    assert isinstance(error, PaymentRequired)
    assert "$0.0000001" in error.message
    await served(two.admit(50), *gateways)


async def test_a_new_day_has_a_new_budget(gateways: list[Gateway], time: Time) -> None:
    await set_limit(gateways, 100, quota_id=QuotaId.DAILY_SPEND)
    one, two, _ = gateways
    old = await served(one.admit(100), *gateways)

    time.pass_s(DAY_S)

    await served(two.admit(100), *gateways)
    one.settle(old, 100)
    await one.apply()
    assert isinstance(await refusal(one.admit(1), *gateways), RateLimited)


async def test_a_commit_in_doubt_is_repeated_without_harm(gateways: list[Gateway]) -> None:
    await set_limit(gateways, 100)
    one, two, _ = gateways
    ended = await served(one.admit(60), *gateways)
    await served(one.admit(20), *gateways)
    one.settle(ended, 50)
    one.break_off("after")
    with pytest.raises(Unavailable):
        await one.apply()

    await one.apply()

    assert await refusal(two.admit(31), *gateways) is not None
    assert await refusal(two.admit(30), *gateways) is None


async def test_a_gateway_of_another_machine_is_given_up_when_it_is_silent(
    db_url: str, tmp_path: Path, time: Time
) -> None:
    here, away = [Gateway(Flaky(db_url), tmp_path / name, time) for name in ("here", "away")]
    await set_limit([here, away], 100)
    await served(away.admit(100), away)
    away.kill()

    await here.limits.deaths.look()
    time.pass_s(SILENCE_S - 1)
    await here.limits.deaths.look()
    assert await refusal(here.admit(1), here) is not None
    time.pass_s(2)
    await here.limits.deaths.look()

    assert await refusal(here.admit(100), here) is None
    here.kill()
    await here.db.close()
    await away.db.close()


async def test_one_that_says_it_lives_is_never_given_up(
    db_url: str, tmp_path: Path, time: Time
) -> None:
    here, away = [Gateway(Flaky(db_url), tmp_path / name, time) for name in ("here", "away")]
    await set_limit([here, away], 100)
    await served(away.admit(100), away)

    for _ in range(20):
        time.pass_s(LEASE_S / 2)
        await away.sync()
        await here.limits.deaths.look()

    assert await refusal(here.admit(1), here, away) is not None
    for gateway in (here, away):
        gateway.kill()
        await gateway.db.close()


async def test_what_is_in_memory_is_not_given_out_once_others_may_have_it(
    gateways: list[Gateway], time: Time
) -> None:
    await set_limit(gateways, 10_000)
    one = gateways[0]
    for _ in range(4):  # enough for slack
        one.settle(await served(one.admit(10), one), 10)
    wallet = one.limits.wallet(CALLER)
    hold = wallet.try_hold(5, time.now_ns)
    assert hold is not None
    hold.release()

    time.pass_s(LEASE_S)

    assert wallet.try_hold(5, time.now_ns) is None


async def test_while_the_database_is_away_what_is_held_goes_on_and_the_rest_is_told_why(
    gateways: list[Gateway],
) -> None:
    await set_limit(gateways, 10_000)
    one = gateways[0]
    for _ in range(4):
        one.settle(await served(one.admit(10), one), 10)
    one.break_off("before")

    assert await one.admit(10)
    asking = asyncio.create_task(one.admit(9_000))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as caught:
        await one.sync()
    one.limits.leases.fail_waiting(caught.value, min_age_s=0.0)

    with pytest.raises(Unavailable, match="broken off"):
        await asking


async def test_a_request_that_leaves_while_it_waits_holds_nothing(
    gateways: list[Gateway],
) -> None:
    await set_limit(gateways, 100)
    one, two, _ = gateways
    asking = asyncio.create_task(one.admit(100))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await one.sync()

    assert await refusal(two.admit(100), *gateways) is None


async def test_what_is_affordable_can_be_held_and_not_a_nano_dollar_more(
    gateways: list[Gateway], time: Time
) -> None:
    await set_limit(gateways, 1_000)
    one, two, _ = gateways
    for gateway in (one, two):
        gateway.settle(await served(gateway.admit(100), *gateways), 33)

    room = await served(one.limits.wallet(CALLER).affordable(time.now_ns), *gateways)

    assert room == 1_000 - 66
    assert await refusal(one.admit(room + 1), *gateways) is not None
    assert await refusal(one.admit(room), *gateways) is None


async def test_a_lower_limit_binds_once_the_gateways_have_answered(
    gateways: list[Gateway],
) -> None:
    await set_limit(gateways, 100_000)
    one = gateways[0]
    for _ in range(4):
        one.settle(await served(one.admit(10), one), 10)

    await set_limit(gateways, 45)

    assert await refusal(one.admit(6), *gateways) is not None
    assert await refusal(one.admit(5), *gateways) is None


async def test_below_a_lowered_limit_nothing_is_held_again_that_was_held_before(
    gateways: list[Gateway],
) -> None:
    await set_limit(gateways, 100)
    one, two, _ = gateways
    request = await served(one.admit(100), *gateways)
    await set_limit(gateways, 45)
    one.settle(request, 0)

    assert isinstance(await refusal(one.admit(46), *gateways), PaymentRequired)
    assert await refusal(one.admit(40), *gateways) is None
    assert await refusal(two.admit(5), *gateways) is None


async def test_what_moves_from_a_lease_to_the_ledger_is_seen_once(
    gateways: list[Gateway],
) -> None:
    """Another gateway looks all the while; whatever it sees, there is no room."""
    await set_limit(gateways, 1_000)
    one, two, _ = gateways
    requests = [await served(one.admit(10), one) for _ in range(100)]

    async def settle_all() -> None:
        for request in requests:
            one.settle(request, 10)
            await one.apply()

    settling = asyncio.create_task(settle_all())
    while not settling.done():
        asking = asyncio.create_task(two.admit(1))
        while not asking.done():
            await asyncio.sleep(0)
            await two.sync()
            two.time.pass_s(0.3)
        assert asking.exception() is not None

    await settling
