"""Engines of llama.cpp for tests, and a request for them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from hearth.engines.engine import Engine
from hearth.engines.llm import llamacpp
from hearth.engines.protocol import GenerateRequest
from tests.engines.conftest import llama_spec


@contextlib.asynccontextmanager
async def loaded(path: Path, **changes: object) -> AsyncIterator[Engine]:
    """An engine with one thread and two slots, closed at the end."""
    engine = await asyncio.to_thread(llamacpp.build, llama_spec(path, **changes))
    try:
        yield engine
    finally:
        await engine.close()


def story(**fields: Any) -> GenerateRequest:
    """A short completion."""
    defaults: dict[str, Any] = {"prompt": "Once upon a time", "seed": 3, "max_tokens": 12}
    return GenerateRequest(**(defaults | fields))
