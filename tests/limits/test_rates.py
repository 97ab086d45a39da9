"""Rates over several gateways: never more than a bucket holds, and debts are waited out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hearth.errors import RateLimited
from hearth.limits import Hold, QuotaId, QuotaService
from hearth.pricing import Quantities
from tests.limits.gateways import CALLER, Flaky, Gateway, Time, refusal, served

KEY = "accounts/acme/users/ada/apiKeys/key-1"


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def gateways(db_url: str, tmp_path: Path, time: Time) -> AsyncIterator[list[Gateway]]:
    made = [Gateway(Flaky(db_url), tmp_path, time) for _ in range(2)]
    yield made
    for gateway in made:
        gateway.kill()
        await gateway.db.close()


async def limit(
    gateways: list[Gateway], quota_id: QuotaId, value: int, soft: int | None = None
) -> None:
    service = QuotaService(gateways[0].db)
    async with gateways[0].db.write() as conn:
        await service.put(conn, KEY, quota_id, value, soft_value=soft)
    for gateway in gateways:
        await gateway.limits.refresh()


async def ask(gateway: Gateway, num_requests: int = 1) -> Hold:
    now_ns = gateway.time.now_ns
    wallet = gateway.limits.wallet(CALLER)
    return wallet.try_hold(0, now_ns, num_requests) or await wallet.acquire(0, now_ns, num_requests)


async def test_no_more_requests_run_than_a_minute_allows(gateways: list[Gateway]) -> None:
    await limit(gateways, QuotaId.REQUESTS, 50)
    one, two = gateways

    answers = [await refusal(ask(g), *gateways) for _ in range(40) for g in (one, two)]

    num_run = answers.count(None)
    assert 48 <= num_run <= 50  # a chunk in hand is less than a sixteenth


async def test_the_last_requests_run_once_idle_chunks_are_back(
    gateways: list[Gateway], time: Time
) -> None:
    await limit(gateways, QuotaId.REQUESTS, 50)
    one, two = gateways
    num_run = [await refusal(ask(one), *gateways) for _ in range(20)].count(None)
    time.pass_s(0.3)

    num_run += [await refusal(ask(two), *gateways) for _ in range(40)].count(None)

    assert num_run == 50


async def test_a_refusal_says_when_to_come_back_and_then_it_runs(
    gateways: list[Gateway], time: Time
) -> None:
    await limit(gateways, QuotaId.REQUESTS, 6)
    one, two = gateways
    await served(ask(one, 6), *gateways)

    error = await refusal(ask(two), *gateways)

    assert isinstance(error, RateLimited)
    assert error.retry_after_s == pytest.approx(10)
    time.pass_s(9.9)
    assert await refusal(ask(two), *gateways) is not None
    time.pass_s(0.2)
    assert await refusal(ask(two), *gateways) is None


async def test_choices_count_as_requests(gateways: list[Gateway]) -> None:
    await limit(gateways, QuotaId.REQUESTS, 6)

    assert await refusal(ask(gateways[0], 4), *gateways) is None
    assert await refusal(ask(gateways[0], 3), *gateways) is not None
    assert await refusal(ask(gateways[0], 2), *gateways) is None


async def test_tokens_used_on_one_gateway_delay_requests_on_another(
    gateways: list[Gateway], time: Time
) -> None:
    await limit(gateways, QuotaId.GENERATED_TOKENS, 600)
    one, two = gateways
    hold = await served(ask(one), *gateways)
    hold.settle(0, Quantities(prompt_tokens=5, completion_tokens=700))
    await one.sync()

    error = await refusal(ask(two), *gateways)

    assert isinstance(error, RateLimited)
    assert error.retry_after_s == pytest.approx(10.1)
    time.pass_s(10.2)
    assert await refusal(ask(two), *gateways) is None


async def test_cached_tokens_leave_the_rate_of_uncached_ones_alone(
    gateways: list[Gateway],
) -> None:
    await limit(gateways, QuotaId.UNCACHED_PROMPT_TOKENS, 100)
    one, two = gateways
    hold = await served(ask(one), *gateways)
    hold.settle(0, Quantities(prompt_tokens=1_000, cached_tokens=950, completion_tokens=1))
    await one.sync()

    assert await refusal(ask(two), *gateways) is None
    rates = two.limits.wallet(CALLER).rates(two.time.now_ns)
    assert rates is not None
    assert (rates.limit_tokens_uncached, rates.remaining_tokens_uncached) == (100, 50)


async def test_above_the_soft_limit_requests_run_and_say_so(gateways: list[Gateway]) -> None:
    await limit(gateways, QuotaId.REQUESTS, 10, soft=3)
    wallet = gateways[0].limits.wallet(CALLER)
    over = []
    for _ in range(5):
        await served(ask(gateways[0]), *gateways)
        rates = wallet.rates(gateways[0].time.now_ns)
        assert rates is not None
        over.append(rates.is_over_limit)

    assert over == [False, False, False, True, True]
