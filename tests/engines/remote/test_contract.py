"""The contract of all engines, on the remote one with the fake engine at its other end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from hearth.engines.remote import build
from tests.engines import test_contract as contract
from tests.engines.conftest import Subject
from tests.engines.remote.behind import MODEL, running_behind
from tests.engines.remote.driven import remote_spec

tests = {name: value for name, value in vars(contract).items() if name.startswith("test_")}
globals().update(tests)


async def _subject(*, slots: int, context: int) -> AsyncIterator[Subject]:
    async with running_behind(slots=slots, context=context) as url:
        engine = await asyncio.to_thread(build, remote_spec(url, MODEL))
        yield Subject(engine=engine, slots=slots, context=context)
        await engine.close()


@pytest.fixture
async def subject() -> AsyncIterator[Subject]:
    async for subject in _subject(slots=2, context=512):
        yield subject


@pytest.fixture
async def one_slot() -> AsyncIterator[Subject]:
    async for subject in _subject(slots=1, context=4096):
        yield subject


def test_the_whole_contract_is_run() -> None:
    assert len(tests) >= 20
