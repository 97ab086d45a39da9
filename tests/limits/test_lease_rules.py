"""What leases must keep to at every moment, also between two statements and in a broken commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from hearth.errors import RateLimited, Unavailable
from hearth.limits import Hold, Quota, QuotaId, QuotaService
from hearth.limits.deaths import SILENCE_S
from tests.limits.gateways import (
    CALLER,
    Gateway,
    Interrupted,
    Time,
    refusal,
    served,
    set_limit,
)


def interrupted(gateway: Gateway) -> Interrupted:
    assert isinstance(gateway.db, Interrupted)
    return gateway.db


def try_hold(gateway: Gateway, bound: int) -> Hold | None:
    """From memory alone."""
    return gateway.limits.wallet(CALLER).try_hold(bound, gateway.time.now_ns)


def free(gateway: Gateway) -> int:
    """What it may give out without asking the database."""
    return gateway.limits.holdings.amounts()[QuotaId.TOTAL_SPEND].free


async def known(gateway: Gateway, quota: Quota) -> tuple[int, int]:
    """What the database says is spent, and what is leased."""
    usage = await QuotaService(gateway.db, lambda: gateway.time.now_ns).usage(quota)
    return usage.spent, usage.leased


async def earn_slack(gateway: Gateway) -> None:
    """Ask so often that more than is needed is leased."""
    for _ in range(4):
        gateway.settle(await served(gateway.admit(10), gateway), 10)
    await gateway.apply()
    assert free(gateway) > 0


async def test_a_cost_in_the_ledger_leaves_the_lease_and_frees_nothing(
    gateways: list[Gateway],
) -> None:
    quota = await set_limit(gateways, 100)
    one, two, _ = gateways
    one.settle(await served(one.admit(60), one), 50)
    before = free(one)
    spent, leased = await known(one, quota)

    await one.apply()

    assert free(one) == before
    assert await known(one, quota) == (spent + 50, leased - 50)
    assert try_hold(one, before + 1) is None
    assert await refusal(two.admit(50), *gateways) is None


async def test_what_is_being_given_back_is_not_given_out(gateways: list[Gateway]) -> None:
    await set_limit(gateways, 10_000)
    one, two, _ = gateways
    await earn_slack(one)
    slack = free(one)
    asking = asyncio.create_task(two.admit(10_000 - 40))
    await asyncio.sleep(0)
    await two.sync()
    seen: list[Hold | None] = []

    async def ask() -> None:
        seen.append(try_hold(one, slack))

    interrupted(one).before_commit = ask
    await one.sync()
    interrupted(one).before_commit = None

    assert seen == [None]
    assert await served(asking, *gateways)
    assert try_hold(one, 1) is None


async def test_what_the_dead_spent_is_never_free_for_others(
    gateways: list[Gateway], time: Time
) -> None:
    quota = await set_limit(gateways, 100)
    one, two, three = gateways
    one.settle(await served(one.admit(100), one), 60)
    one.kill()
    gateways.remove(one)
    await one.db.close()
    seen: list[tuple[int, int]] = []

    async def look() -> None:
        seen.append(await known(three, quota))

    interrupted(two).after_commit = look
    for _ in range(2):
        await two.limits.deaths.look()
        time.pass_s(SILENCE_S + 1)
    interrupted(two).after_commit = None

    assert [moment for moment in seen if sum(moment) < 60] == []
    assert await known(three, quota) == (60, 0)
    assert await refusal(three.admit(41), two, three) is not None
    assert await refusal(three.admit(40), two, three) is None


async def test_nobody_takes_more_than_needed_while_another_waits(gateways: list[Gateway]) -> None:
    await set_limit(gateways, 1_000)
    one, two, three = gateways
    await served(three.admit(600), three)
    waiting = asyncio.create_task(one.admit(500))
    await asyncio.sleep(0)
    await one.sync()
    asking = asyncio.create_task(two.admit(10))
    await asyncio.sleep(0)

    await two.sync()

    assert (await asking).bound == 10
    assert free(two) == 0
    assert isinstance(await refusal(waiting, *gateways), RateLimited)


async def growing(one: Gateway, bound: int = 5_000) -> None:
    asking = asyncio.create_task(one.admit(bound))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await one.sync()
    asking.cancel()
    await asyncio.wait({asking})


async def giving_back(one: Gateway) -> None:
    one.time.pass_s(2)
    with pytest.raises(Unavailable):
        await one.sync()


@pytest.mark.parametrize("breaks", ["before", "after"])
@pytest.mark.parametrize("change", [growing, giving_back])
async def test_of_a_lease_in_doubt_only_what_is_safe_is_given_out(
    gateways: list[Gateway], breaks: str, change: Callable[[Gateway], Awaitable[None]]
) -> None:
    quota = await set_limit(gateways, 10_000)
    one = gateways[0]
    await earn_slack(one)
    one.break_off(breaks)

    await change(one)

    _, leased = await known(one, quota)
    assert try_hold(one, leased + 1) is None
    assert try_hold(one, 5_000) is None
    assert free(one) <= leased


@pytest.mark.parametrize("running", [0, 10])
async def test_a_lease_in_doubt_is_written_anew(gateways: list[Gateway], running: int) -> None:
    quota = await set_limit(gateways, 100)
    one, two, _ = gateways
    if running:
        await served(one.admit(running), one)
    one.break_off("after")
    await growing(one, 50)
    assert (await known(one, quota))[1] >= 50

    await one.sync()

    assert await known(one, quota) == (0, running)
    assert await refusal(two.admit(100 - running), *gateways) is None


async def test_what_moves_between_two_statements_is_seen_once(
    gateways: list[Gateway], time: Time
) -> None:
    """A cost of another gateway enters the ledger before each statement that reads."""
    one, two, _ = gateways
    if one.db.dialect == "sqlite":
        pytest.skip("nobody else writes while a transaction does")
    await set_limit(gateways, 1_010)
    requests = [await served(one.admit(10), one) for _ in range(100)]
    time.pass_s(2)
    await one.sync()  # its slack is back

    async def apply_one() -> None:
        if requests:
            one.settle(requests.pop(), 10)
            await one.apply()

    interrupted(two).before_read = apply_one
    num_requests = len(requests)
    errors = [await refusal(two.admit(bound), two) for bound in (10, 1)]

    assert errors[0] is None
    assert errors[1] is not None
    assert len(requests) < num_requests
