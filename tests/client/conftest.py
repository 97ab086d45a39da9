"""One Hearth with the fake engine, and the `openai` package's clients for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from openai import AsyncOpenAI, OpenAI

from tests.running import RunningHearth, running_hearth


@pytest.fixture(scope="session")
def hearth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    with running_hearth(tmp_path_factory.mktemp("hearth")) as running:
        yield running


@pytest.fixture
def openai(hearth: RunningHearth) -> Iterator[OpenAI]:
    key, url = hearth.credentials["api_key"], f"{hearth.url}/inference/v1"
    with OpenAI(api_key=key, base_url=url, max_retries=0, timeout=30) as client:
        yield client


@pytest.fixture
async def async_openai(hearth: RunningHearth) -> AsyncIterator[AsyncOpenAI]:
    key, url = hearth.credentials["api_key"], f"{hearth.url}/inference/v1"
    async with AsyncOpenAI(api_key=key, base_url=url, max_retries=0, timeout=30) as client:
        yield client
