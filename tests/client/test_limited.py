"""A Hearth whose account may ask once a second: what its refusal says, and that clients heed it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from hearth.client import RequestRefused, RetryingClient
from hearth.kit.db import Database
from hearth.limits import QuotaId, QuotaService
from tests.running import RunningHearth, running_hearth

PER_MINUTE = 60
MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
ASK: dict[str, Any] = {"messages": [{"role": "user", "content": "Say hi"}], "max_tokens": 3}


async def _limit(hearth: RunningHearth) -> None:
    db = Database(f"sqlite:///{hearth.home}/state.db")
    await db.open()
    try:
        subject = f"accounts/{hearth.credentials['account_id']}"
        await QuotaService(db).set(subject, QuotaId.REQUESTS, PER_MINUTE)
    finally:
        await db.close()


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    with running_hearth(tmp_path_factory.mktemp("limited")) as running:
        asyncio.run(_limit(running))
        yield running


def use_up(hearth: RunningHearth) -> RequestRefused:
    """Ask until it is too often; return the refusal."""
    key, url = hearth.credentials["api_key"], f"{hearth.url}/inference/v1"
    with RetryingClient(key, url, max_retries=0) as client:
        for _ in range(10 * PER_MINUTE):
            try:
                client.chat(MODEL, **ASK)
            except RequestRefused as refusal:
                return refusal
    pytest.fail("the limit does not hold")


def test_a_rate_that_is_used_up_says_when_to_come_again(limited: RunningHearth) -> None:
    refusal = use_up(limited)

    assert (refusal.status, refusal.code) == (429, "RESOURCE_EXHAUSTED")
    assert refusal.retry_after_s == 1.0
    assert refusal.request_id


def test_the_retrying_client_waits_that_long_and_is_served(limited: RunningHearth) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        time.sleep(seconds)

    use_up(limited)
    key, url = limited.credentials["api_key"], f"{limited.url}/inference/v1"
    with RetryingClient(key, url, sleep=sleep) as client:
        answers = [client.chat(MODEL, **ASK) for _ in range(2)]

    assert all(answer["choices"] for answer in answers)
    assert set(slept) == {1.0}


def test_the_openai_client_waits_too(limited: RunningHearth) -> None:
    use_up(limited)
    key, url = limited.credentials["api_key"], f"{limited.url}/inference/v1"
    with OpenAI(api_key=key, base_url=url, timeout=30) as client:
        answers = [client.chat.completions.create(model=MODEL, **ASK) for _ in range(2)]

    assert all(answer.choices for answer in answers)
