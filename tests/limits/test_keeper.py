"""Limits as they keep themselves in the background: recalls, outages, and the end."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import pytest

from hearth.accounts import Caller
from hearth.accounts.roles import Role
from hearth.errors import PaymentRequired, RateLimited, Unavailable
from hearth.limits import Hold, QuotaId, QuotaService
from hearth.limits.deaths import LEASE_S
from hearth.limits.rates import FRESH_S
from hearth.pricing import Quantities
from tests.limits.gateways import ACCOUNT, CALLER, KEY, Asking, Gateway, T, set_limit
from tests.postgres import END_SESSIONS, Postgres

SOON_S = 1.0
STEP_S = 0.2
LIMIT_S = 20.0  # by the real clock, for a machine that does much else
UNLIMITED = Caller(account_id="other", user_id="eve", key_id="key-9", role=Role.USER)


@pytest.fixture
async def kept(gateways: list[Gateway]) -> AsyncIterator[list[Gateway]]:
    """Two gateways that keep their limits; the third does nothing by itself."""
    for gateway in gateways[:2]:
        gateway.limits.start()
    yield gateways
    for gateway in gateways[:2]:
        gateway.cut_off(False)
        await gateway.limits.close()


async def passing(asking: Asking[T], gateway: Gateway) -> T:
    """Wait for an answer while time passes on the gateways' clocks."""
    task = asyncio.ensure_future(asking)
    async with asyncio.timeout(LIMIT_S):
        while not task.done():
            await asyncio.wait({task}, timeout=0.02)
            gateway.time.pass_s(STEP_S)
    return task.result()


async def until_served(gateway: Gateway, bound: int) -> None:
    """Ask as a client does that is told to try again."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                await passing(gateway.admit(bound), gateway)
            except Unavailable:
                continue
            return


async def earn_slack(gateway: Gateway) -> None:
    for _ in range(4):
        gateway.settle(await gateway.admit(10), 10)
    await gateway.apply()


def goes_on(gateway: Gateway, caller: Caller = CALLER, bound: int = 1) -> bool:
    """Whether a request runs without a look at the database."""
    hold = gateway.limits.wallet(caller).try_hold(bound, gateway.time.now_ns)
    if hold is not None:
        hold.release()
    return hold is not None


async def leased(gateway: Gateway) -> int:
    service = QuotaService(gateway.db, lambda: gateway.time.now_ns)
    return (await service.usage(await service.get(KEY, QuotaId.TOTAL_SPEND))).leased


async def test_what_another_needs_is_given_back_within_a_second(kept: list[Gateway]) -> None:
    await set_limit(kept, 10_000)
    one, two, _ = kept
    await earn_slack(one)
    assert goes_on(one)

    async with asyncio.timeout(SOON_S):
        await two.admit(10_000 - 40)

    assert not goes_on(one)


async def test_a_lower_limit_is_kept_to_when_its_setting_returns(kept: list[Gateway]) -> None:
    await set_limit(kept, 10_000)
    one = kept[0]
    await earn_slack(one)

    async with asyncio.timeout(SOON_S):
        await QuotaService(kept[2].db).set(KEY, QuotaId.TOTAL_SPEND, 45)

    with pytest.raises(PaymentRequired):
        await one.admit(6)
    assert (await one.admit(5)).hold.nano == 5


async def test_an_end_gives_everything_back(kept: list[Gateway]) -> None:
    await set_limit(kept, 10_000)
    one, two, three = kept
    await earn_slack(one)
    assert await leased(three) > 0

    await one.limits.close()

    assert await leased(three) == 0
    assert (await two.admit(10_000 - 40)).hold.nano == 10_000 - 40
    with pytest.raises(Unavailable, match="stopping"):
        await one.admit(1)


async def test_what_nobody_uses_goes_back_by_itself(kept: list[Gateway]) -> None:
    await set_limit(kept, 10_000)
    one = kept[0]
    await earn_slack(one)

    one.time.pass_s(2)

    async with asyncio.timeout(LIMIT_S):
        while await leased(kept[2]):
            pass


async def test_budgets_outlive_the_database_by_a_lease_and_recover_by_themselves(
    kept: list[Gateway],
) -> None:
    await set_limit(kept, 10_000)
    one = kept[0]
    await earn_slack(one)
    one.cut_off(True)

    one.time.pass_s(LEASE_S / 2)
    assert goes_on(one)
    one.time.pass_s(LEASE_S / 2)
    assert not goes_on(one)
    with pytest.raises(Unavailable, match="connection refused"):
        await passing(one.admit(1), one)
    assert goes_on(one, UNLIMITED)
    one.cut_off(False)

    await until_served(one, 1)


@contextmanager
def out_of_reach(url: str, request: pytest.FixtureRequest) -> Iterator[None]:
    """The database itself takes nothing: PostgreSQL no connections, SQLite no writes."""
    path = urlsplit(url).path
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = path.removeprefix("/")
    server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    try:
        server.run(END_SESSIONS.format(database=name))
        yield
    finally:
        server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


async def test_an_outage_of_the_server_itself_is_outlived_too(
    kept: list[Gateway], db_url: str, request: pytest.FixtureRequest
) -> None:
    await set_limit(kept, 10_000)
    one = kept[0]
    await earn_slack(one)

    with out_of_reach(db_url, request):
        assert goes_on(one)
        one.time.pass_s(LEASE_S)
        with pytest.raises(Unavailable):
            await passing(one.admit(1), one)
        assert goes_on(one, UNLIMITED)

    await until_served(one, 1)


async def rate(gateways: list[Gateway], quota_id: QuotaId, value: int) -> None:
    await set_limit(gateways, value, quota_id, ACCOUNT)


async def ask(gateway: Gateway) -> Hold:
    wallet, now_ns = gateway.limits.wallet(CALLER), gateway.time.now_ns
    return wallet.try_hold(0, now_ns) or await wallet.acquire(0, now_ns)


async def test_rates_of_tokens_outlive_the_database_as_long(kept: list[Gateway]) -> None:
    await rate(kept, QuotaId.GENERATED_TOKENS, 600)
    one = kept[0]
    await ask(one)
    one.cut_off(True)

    one.time.pass_s(2 * FRESH_S)
    await ask(one)
    one.time.pass_s(LEASE_S - 3 * FRESH_S)
    assert goes_on(one)
    one.time.pass_s(FRESH_S)
    with pytest.raises(Unavailable, match="connection refused"):
        await passing(ask(one), one)
    one.cut_off(False)

    await until_served(one, 0)


async def test_a_rate_used_up_meanwhile_is_kept_to(kept: list[Gateway]) -> None:
    await rate(kept, QuotaId.GENERATED_TOKENS, 600)
    one, two, _ = kept
    await ask(one)
    one.cut_off(True)
    one.time.pass_s(2 * FRESH_S)

    hold = await ask(one)
    hold.settle(0, Quantities(prompt_tokens=1, completion_tokens=70_000))
    with pytest.raises(Unavailable):
        await ask(one)
    one.cut_off(False)

    async with asyncio.timeout(LIMIT_S):
        while not await is_limited(two):
            pass


async def is_limited(gateway: Gateway) -> bool:
    gateway.time.pass_s(FRESH_S)
    try:
        await ask(gateway)
    except RateLimited:
        return True
    return False


async def test_what_is_known_of_a_rate_is_old_after_a_second_while_the_database_answers(
    kept: list[Gateway],
) -> None:
    await rate(kept, QuotaId.GENERATED_TOKENS, 600)
    one = kept[0]
    await ask(one)
    assert goes_on(one)

    one.time.pass_s(FRESH_S)

    assert not goes_on(one)


async def test_once_the_database_is_back_rates_are_looked_up_again(kept: list[Gateway]) -> None:
    await rate(kept, QuotaId.GENERATED_TOKENS, 600)
    one = kept[0]
    await ask(one)
    one.cut_off(True)
    one.time.pass_s(2 * FRESH_S)
    await ask(one)
    assert goes_on(one)

    one.cut_off(False)

    async with asyncio.timeout(LIMIT_S):
        while goes_on(one):
            await QuotaService(kept[2].db).list(CALLER.account_id)
