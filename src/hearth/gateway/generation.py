"""One inference request in flight, as the gateway sees it: deltas come in and are passed on.

A request may have several parts (the prompts of a completions call), each a request of its own to
a worker; choices are numbered across them. Token counts are kept as they arrive, so that an answer
cut short is still charged for what was produced.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import perf_counter

from hearth.engines.protocol import INITIAL_CREDIT, Delta, Usage
from hearth.errors import ApiError

GRANT_EVERY = INITIAL_CREDIT // 2


def _nothing(*_: int) -> None:
    """Stand in until a channel has taken the part."""


class Hangup(Exception):
    """The client closed the connection before its answer ended."""


class Part:
    """One worker request of a generation, and where its choices begin."""

    __slots__ = (
        "cancel", "completion_tokens", "first_choice", "generation", "grant", "num_ungranted",
        "prompt_tokens", "usage",
    )  # fmt: skip

    def __init__(self, generation: Generation, first_choice: int) -> None:
        self.generation = generation
        self.first_choice = first_choice
        self.cancel: Callable[[], None] = _nothing
        self.grant: Callable[[int], None] = _nothing
        "Set by the channel that sends the part."
        self.num_ungranted = 0  # deltas that came since the worker was last granted credit
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.usage: Usage | None = None

    def feed(self, delta: Delta) -> None:
        """Take a delta from the worker."""
        self.completion_tokens += delta.num_tokens
        self.num_ungranted += 1
        if delta.prompt is not None:
            self.prompt_tokens = delta.prompt.prompt_tokens
        if delta.usage is not None:
            self.usage = delta.usage
            self.generation.open_parts -= 1
        delta.choice += self.first_choice
        generation = self.generation
        generation.take(delta)
        if self.num_ungranted >= GRANT_EVERY and not generation.is_held:
            self.grant_more()

    def grant_more(self) -> None:
        """Let the worker send as many more deltas as were taken."""
        if self.num_ungranted and self.usage is None:
            self.grant(self.num_ungranted)
            self.num_ungranted = 0

    def counted(self) -> Usage:
        """The engine's count, or ours while it has not ended."""
        return self.usage or Usage(self.prompt_tokens, 0, self.completion_tokens, 0.0, 0.0, 0.0)

    def fail(self, error: ApiError) -> None:
        """The worker refused or lost this part."""
        self.generation.open_parts -= 1
        self.generation.stop(error)


class Generation:
    """What one inference request has produced so far, and how its handler learns of the end.

    Every delta but the last goes to `sink` as it comes, without waking the handler.
    """

    __slots__ = (
        "_deltas", "_is_cut", "_loop", "_sink", "_stopped", "_waiter", "first_delta_s", "is_held",
        "open_parts", "parts", "replica_id", "started_s",
    )  # fmt: skip

    def __init__(self, sink: Callable[[Delta], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._sink = sink
        self._deltas: deque[Delta] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._is_cut = False
        self._stopped: Exception | None = None
        self.is_held = False
        "Queue deltas and grant no more: the client takes less than it is sent."
        self.parts: list[Part] = []
        self.open_parts = 0
        self.replica_id = ""
        self.started_s = perf_counter()
        self.first_delta_s: float | None = None

    def add_part(self, first_choice: int) -> Part:
        """Open a part; the answer is over when every part is."""
        part = Part(self, first_choice)
        self.parts.append(part)
        self.open_parts += 1
        return part

    def take(self, delta: Delta) -> None:
        """Pass a delta on, or queue it."""
        if self._is_cut:
            return
        if self.first_delta_s is None:
            self.first_delta_s = perf_counter()
        if self.open_parts == 0:
            self._deltas.append(delta)
            self._wake()
        elif self.is_held:
            self._deltas.append(delta)
        else:
            self._pass_on(delta)

    def _pass_on(self, delta: Delta) -> None:
        try:
            self._sink(delta)
        except Exception as error:  # noqa: BLE001  the channel that calls serves others too
            self.cut(error)

    def release(self) -> None:
        """Pass on what was queued, and what comes, as long as it is not held again."""
        self.is_held = False
        while self._deltas and self.open_parts and not self.is_held:
            self._pass_on(self._deltas.popleft())
        if not self.is_held:
            for part in self.parts:
                part.grant_more()

    def stop(self, reason: Exception) -> None:
        """End the wait with an error: the worker failed."""
        if self._stopped is None:
            self._stopped = reason
        self._wake()

    def cut(self, reason: Exception) -> None:
        """End the wait now; nothing is passed on any more: the client left or the time is up."""
        self._is_cut = True
        self._deltas.clear()
        self.stop(reason)

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    @property
    def has_delta(self) -> bool:
        """Whether anything was produced at all."""
        return self.first_delta_s is not None

    async def ended(self) -> list[Delta]:
        """Wait until every part has ended with its usage; return what was not passed on.

        It is never empty, and ends with the last delta of the answer.

        Raises:
            ApiError: the worker refused the request, broke, or is gone.
            Hangup: the client has left.
        """
        while self.open_parts and self._stopped is None:
            self._waiter = self._loop.create_future()
            await self._waiter
        if self._stopped is not None:
            while self._deltas:
                self._sink(self._deltas.popleft())
            raise self._stopped
        return list(self._deltas)

    async def cancel(self) -> None:
        """Ask the workers to end every open part, and wait until none is open any more."""
        for part in self.parts:
            if part.usage is None:
                part.cancel()
        while self.open_parts:
            self._waiter = self._loop.create_future()
            await self._waiter

    def restart(self) -> None:
        """Forget a failed attempt that produced nothing, before trying another replica."""
        assert not self.has_delta
        self._stopped = None
        self.parts.clear()
        self.open_parts = 0

    def close(self) -> None:
        """Let go of parts and sink once all is settled: in a circle, only the collector frees."""
        self._is_cut = True
        self.parts.clear()
        del self._sink

    def usage(self) -> Usage:
        """What was used so far, over all parts: the engine's count, or ours where it was cut."""
        if len(self.parts) == 1:
            return self.parts[0].counted()
        counted = [part.counted() for part in self.parts]
        return Usage(
            prompt_tokens=sum(u.prompt_tokens for u in counted),
            cached_tokens=sum(u.cached_tokens for u in counted),
            completion_tokens=sum(u.completion_tokens for u in counted),
            queue_s=max((u.queue_s for u in counted), default=0.0),
            prefill_s=max((u.prefill_s for u in counted), default=0.0),
            decode_s=max((u.decode_s for u in counted), default=0.0),
        )
