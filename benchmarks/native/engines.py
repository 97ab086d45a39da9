"""Opens the engine `native` in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.native.arms import Options, spec_of
from hearth.engines.engine import LiveAdapters
from hearth.engines.llm import native
from hearth.engines.llm.text_engine import TextEngine
from hearth.engines.protocol import Adapter

SLOTS = 16


@asynccontextmanager
async def engine_of(
    file: Path, options: Options, adapters: Sequence[Adapter] = ()
) -> AsyncIterator[TextEngine]:
    """Load it for the length of a block, with as many slots as a table compares requests."""
    spec = spec_of("native", file, slots=SLOTS, options=options)
    engine = await asyncio.to_thread(native.build, spec)
    try:
        assert isinstance(engine, LiveAdapters)
        for adapter in adapters:
            await engine.load_adapter(adapter)
        yield engine
    finally:
        await engine.close()
