"""The engine of embedding models: batches of inputs over a few threads.

Inputs of all requests share batches, taken in turns, so that one large request does not hold up
small ones. Each thread works on a batch of its own, in numpy, which lets go of the interpreter.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from hearth.engines.embedding.active import ActiveRequest
from hearth.engines.embedding.intake import check, read_inputs
from hearth.engines.embedding.outcome import vectors_of
from hearth.engines.embedding.types import VectorModel
from hearth.engines.engine import Failed
from hearth.engines.protocol import (
    Capabilities,
    Delta,
    EmbedRequest,
    Failure,
    GenerateRequest,
    Hello,
    Stats,
    WorkerSpec,
)

BATCH_TOKENS = 1024  # more makes no matrix product faster, and fits the caches less well
_MIN_BATCH_TOKENS = 128  # fewer waste the machine

_NO_TEXT = Failure(
    kind="invalid",
    param="model",
    message="This model makes vectors and writes no text; name a chat model.",
)

Item = tuple[ActiveRequest, int]
News = Delta | tuple[int, Failure]


class EmbeddingEngine:
    """Implements `engines.engine.Engine` and `VectorEngine`.

    Args:
        clock: monotonic seconds.
    """

    def __init__(
        self, spec: WorkerSpec, model: VectorModel, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._spec = spec
        self._model = model
        self._clock = clock
        self._threads = ThreadPoolExecutor(spec.threads, thread_name_prefix="embed")
        self._requests: dict[int, ActiveRequest] = {}
        self._new: deque[ActiveRequest] = deque()
        self._waiting: deque[ActiveRequest] = deque()
        self._working: set[asyncio.Task[None]] = set()
        self._news: list[News] = []
        self._bug: BaseException | None = None
        self._wake = asyncio.Event()

    def hello(self) -> Hello:
        """See `Engine.hello`."""
        return Hello(
            replica_id=self._spec.replica_id,
            engine=self._spec.engine,
            engine_version=f"numpy {np.__version__}",
            model=self._spec.model,
            fingerprint=self._model.fingerprint,
            context_tokens=self._model.max_tokens,
            max_batch=self._spec.slots,
            capabilities=Capabilities(token_prompts=True, dimensions=self._model.dimensions),
        )

    def add(self, request_id: int, request: GenerateRequest) -> None:
        """See `Engine.add`: every text request is refused."""
        raise Failed(_NO_TEXT)

    def embed(self, request_id: int, request: EmbedRequest) -> None:
        """See `VectorEngine.embed`."""
        check(request, dimensions=self._model.dimensions)
        active = ActiveRequest(request_id, request, self._clock())
        self._requests[request_id] = active
        self._new.append(active)
        self._wake.set()

    def cancel(self, request_id: int) -> None:
        """See `Engine.cancel`; a batch that runs is finished, its inputs are not counted."""
        if active := self._requests.pop(request_id, None):
            self._tell(active.ended(self._clock(), None))

    async def step(self) -> Sequence[News]:
        """See `Engine.step`."""
        while not self._news:
            self._wake.clear()
            self._give_work()
            await self._wake.wait()
            if self._bug is not None:
                raise self._bug
        self._give_work()
        news, self._news = self._news, []
        return news

    def stats(self) -> Stats:
        """See `Engine.stats`; what no thread has taken yet waits."""
        waiting = len(self._new) + sum(len(a.waiting) == len(a.inputs) for a in self._waiting)
        return Stats(running=max(0, len(self._requests) - waiting), waiting=waiting)

    async def close(self) -> None:
        """See `Engine.close`."""
        await asyncio.gather(*self._working, return_exceptions=True)
        self._threads.shutdown(cancel_futures=True)

    def _tell(self, news: News) -> None:
        self._news.append(news)
        self._wake.set()

    def _give_work(self) -> None:
        """Keep every thread busy."""
        while len(self._working) < self._spec.threads:
            if self._new:
                work = self._tokenize(self._new.popleft())
            elif batch := self._next_batch():
                work = self._encode(batch)
            else:
                return
            task = asyncio.create_task(work)
            self._working.add(task)
            task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        self._wake.set()
        if not task.cancelled() and (bug := task.exception()) is not None:
            self._bug = bug  # `step` passes it on: the worker ends and is started anew

    async def _tokenize(self, active: ActiveRequest) -> None:
        if not active.is_open:
            return
        run = asyncio.get_running_loop().run_in_executor
        try:
            inputs = await run(self._threads, read_inputs, active.request, self._model)
        except Failed as refused:
            self._fail(active, refused.failure)
            return
        if active.is_open:
            active.tokenized(inputs)
            self._waiting.append(active)

    def _next_batch(self) -> list[Item]:
        """Take inputs of all requests in turns, until there are enough tokens."""
        waiting = self._waiting
        total = sum(len(a.inputs[i].ids) for a in waiting if a.is_open for i in a.waiting)
        share = -(-total // self._spec.threads)
        room = min(BATCH_TOKENS, max(_MIN_BATCH_TOKENS, share))
        batch: list[Item] = []
        while waiting and room > 0:
            active = waiting.popleft()
            if not active.is_open or not active.waiting:
                continue
            active.begun(self._clock())
            index = active.waiting.popleft()
            batch.append((active, index))
            room -= len(active.inputs[index].ids)
            waiting.append(active)
        return sorted(batch, key=lambda item: len(item[0].inputs[item[1]].ids))

    async def _encode(self, batch: list[Item]) -> None:
        run = asyncio.get_running_loop().run_in_executor
        sequences = [active.inputs[index].ids for active, index in batch]
        vectors = await run(self._threads, self._model.encode, sequences)
        touched = []
        for (active, index), vector in zip(batch, vectors, strict=True):
            if active.is_open:
                active.take(index, vector)
                touched.append(active)
        for active in dict.fromkeys(touched):
            if active.is_complete:
                await self._finish(active)
            else:
                self._tell(active.progress())

    async def _finish(self, active: ActiveRequest) -> None:
        run = asyncio.get_running_loop().run_in_executor
        vectors = await run(self._threads, vectors_of, active, self._model.normalizes)
        if active.is_open:
            del self._requests[active.id]
            self._tell(active.ended(self._clock(), vectors))

    def _fail(self, active: ActiveRequest, failure: Failure) -> None:
        if active.is_open:
            active.is_open = False
            del self._requests[active.id]
            self._tell((active.id, failure))
