"""An engine in this process, stepped as the worker steps it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count

from hearth.engines.engine import Engine, Failed
from hearth.engines.protocol import Delta, GenerateRequest, WorkerSpec
from hearth.engines.remote import build
from tests.engines.worker_process import LIMIT_S, Reply


class Driven:
    """Collects what an engine says of each request."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._replies: dict[int, Reply] = {}
        self._ids = count(1)
        self._changed = asyncio.Condition()

    async def step_forever(self) -> None:
        """Step as the worker does."""
        while True:
            for item in await self.engine.step():
                if isinstance(item, Delta):
                    self._replies[item.request].deltas.append(item)
                else:
                    self._replies[item[0]].failure = item[1]
            async with self._changed:
                self._changed.notify_all()

    def add(self, request: GenerateRequest) -> int:
        """Hand a request to the engine; a refusal is its failure."""
        request_id = next(self._ids)
        reply = self._replies[request_id] = Reply()
        try:
            self.engine.add(request_id, request)
        except Failed as failed:
            reply.failure = failed.failure
        return request_id

    def reply(self, request_id: int) -> Reply:
        """What came so far."""
        return self._replies[request_id]

    async def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until what came makes a condition true."""
        async with asyncio.timeout(LIMIT_S), self._changed:
            await self._changed.wait_for(condition)

    async def over(self, request_id: int) -> Reply:
        """Wait for the end of a request."""
        reply = self._replies[request_id]
        await self.wait(lambda: reply.is_over)
        return reply

    async def run(self, request: GenerateRequest) -> Reply:
        """Run a request to its end."""
        return await self.over(self.add(request))


def remote_spec(url: str, model: str = "Qwen/Qwen3-8B", **options: str | float) -> WorkerSpec:
    """The spec of a worker for an upstream."""
    return WorkerSpec(
        replica_id="replica-test",
        address="",
        engine="remote",
        model="accounts/test/models/attached",
        slots=8,
        options={"url": url, "model": model, **options},
    )


@asynccontextmanager
async def driven(
    url: str, model: str = "Qwen/Qwen3-8B", **options: str | float
) -> AsyncIterator[Driven]:
    """Build the engine for an upstream and step it for the length of a block."""
    engine = await asyncio.to_thread(build, remote_spec(url, model, **options))
    each = Driven(engine)
    stepping = asyncio.create_task(each.step_forever())
    try:
        yield each
    finally:
        stepping.cancel()
        with suppress(asyncio.CancelledError):
            await stepping
        await engine.close()
