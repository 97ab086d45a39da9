"""Recorded servers, one a test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.engines.remote.recorded import (
    OPENAI_CHAT,
    OPENAI_MODELS,
    SGLANG_MODELS,
    Recorded,
    play,
)


@pytest.fixture
async def vllm() -> AsyncIterator[Recorded]:
    """A server that looks like vLLM."""
    server = await Recorded().start()
    yield server
    server.stop()


@pytest.fixture
async def sglang() -> AsyncIterator[Recorded]:
    """A server that looks like SGLang."""
    server = await Recorded(SGLANG_MODELS).start()
    yield server
    server.stop()


@pytest.fixture
async def openai() -> AsyncIterator[Recorded]:
    """A server that looks like OpenAI's."""
    server = await Recorded(OPENAI_MODELS).start()
    server.generating = play(OPENAI_CHAT)
    yield server
    server.stop()
