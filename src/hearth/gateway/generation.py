"""One inference request in flight, as the gateway sees it: deltas come in and are passed on.

A request may have several parts (the prompts of a completions call), each a request of its own to
a worker; choices are numbered across them. Token counts are kept as they arrive, so that an answer
cut short is still charged for what was produced.
"""

from __future__ import annotations

import asyncio
from copy import copy
from time import perf_counter
from typing import Protocol

from hearth.engines.protocol import INITIAL_CREDIT, Delta, Usage
from hearth.engines.wire import Connection, FrameType
from hearth.errors import ApiError

GRANT_EVERY = INITIAL_CREDIT // 2


class Listener(Protocol):
    """Learns what a generation produces; never raises, for the channel that calls serves others."""

    def take(self, delta: Delta) -> None:
        """Take a delta that is not the last."""
        ...

    def finish(self, deltas: list[Delta]) -> None:
        """Take what was not passed on before; it ends with the answer's last delta."""
        ...

    def fail(self, error: Exception) -> None:
        """The worker refused the request, broke, or is gone; or the generation was cut."""
        ...


class Part:
    """One worker request of a generation, and where its choices begin."""

    __slots__ = (
        "_connection", "_generation", "_request_id", "completion_tokens", "first_choice",
        "num_ungranted", "prompt_tokens", "usage",
    )  # fmt: skip

    def __init__(self, generation: Generation, first_choice: int) -> None:
        self._generation = generation
        self._connection: Connection | None = None
        self._request_id = 0
        self.first_choice = first_choice
        self.num_ungranted = 0  # deltas that came since the worker was last granted credit
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.usage: Usage | None = None

    def sent(self, connection: Connection, request_id: int) -> None:
        """The part is on its way to a worker."""
        self._connection = connection
        self._request_id = request_id

    def feed(self, delta: Delta) -> None:
        """Take a delta from the worker."""
        generation = self._generation
        self.completion_tokens += delta.num_tokens
        self.num_ungranted += 1
        if delta.prompt is not None:
            self.prompt_tokens = delta.prompt.prompt_tokens
        if delta.usage is not None:
            self.usage = delta.usage
            generation.open_parts -= 1
        delta.choice += self.first_choice
        generation.take(delta)
        if self.num_ungranted >= GRANT_EVERY and not generation.is_held:
            self.grant()

    def grant(self) -> None:
        """Let the worker send as many more deltas as were taken."""
        if self.num_ungranted and self.usage is None and self._connection is not None:
            self._connection.send(FrameType.CREDIT, self._request_id, self.num_ungranted)
            self.num_ungranted = 0

    def cancel(self) -> None:
        """Ask the worker to end the part; its last delta still comes."""
        if self.usage is None and self._connection is not None:
            self._connection.send(FrameType.CANCEL, self._request_id)

    def counted(self) -> Usage:
        """The engine's count, or ours while it has not ended."""
        return self.usage or Usage(self.prompt_tokens, 0, self.completion_tokens, 0.0, 0.0, 0.0)

    def fail(self, error: ApiError) -> None:
        """The worker refused or lost this part."""
        self._generation.open_parts -= 1
        self._generation.stop(error)


class Generation:
    """What one inference request has produced so far.

    Args:
        listener: told of it, in the turn of the loop in which it comes.
    """

    __slots__ = (
        "_deltas", "_drained", "_is_cut", "_listener", "first_delta_s", "is_held", "open_parts",
        "parts", "recording", "replica_id", "started_s",
    )  # fmt: skip

    def __init__(self, listener: Listener) -> None:
        self._listener: Listener | None = listener
        self._deltas: list[Delta] = []
        self._drained: asyncio.Future[None] | None = None
        self._is_cut = False
        self.is_held = False
        "Queue deltas and grant no more: the client takes less than it is sent."
        self.recording: list[Delta] | None = None
        "Copies of all deltas, where somebody wants them."
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
        listener = self._listener
        if self._is_cut or listener is None:
            self._note_drained()
            return
        if self.first_delta_s is None:
            self.first_delta_s = perf_counter()
        if self.recording is not None:
            self.recording.append(copy(delta))
        if self.open_parts and not self.is_held:
            listener.take(delta)
            return
        self._deltas.append(delta)
        if not self.open_parts:
            deltas, self._deltas = self._deltas, []
            listener.finish(deltas)

    def release(self) -> None:
        """Pass on what was queued, and what comes, as long as it is not held again."""
        self.is_held = False
        while self._deltas and not self.is_held:
            self._pass_on_first()
        if not self.is_held:
            for part in self.parts:
                part.grant()

    def _pass_on_first(self) -> None:
        delta = self._deltas.pop(0)
        if self._listener is not None:
            self._listener.take(delta)

    def stop(self, error: Exception) -> None:
        """End with an error of the worker; what came before it is still passed on."""
        if self._is_cut:
            self._note_drained()
            return
        while self._deltas:
            self._pass_on_first()
        self.cut(error)

    def cut(self, error: Exception) -> None:
        """End now; nothing is passed on any more: the client left or the time is up."""
        self._is_cut = True
        self._deltas.clear()
        self._note_drained()
        if self._listener is not None:
            self._listener.fail(error)

    @property
    def has_delta(self) -> bool:
        """Whether anything was produced at all."""
        return self.first_delta_s is not None

    async def cancel(self) -> None:
        """Ask the workers to end every open part, and wait until none is open any more."""
        self._is_cut = True
        for part in self.parts:
            part.cancel()
        if self.open_parts:
            self._drained = asyncio.get_running_loop().create_future()
            await self._drained

    def _note_drained(self) -> None:
        drained = self._drained
        if self.open_parts == 0 and drained is not None and not drained.done():
            drained.set_result(None)

    def restart(self) -> None:
        """Forget a failed attempt that produced nothing, before trying another replica."""
        assert not self.has_delta
        self._is_cut = False
        self.parts.clear()
        self.open_parts = 0

    def close(self) -> None:
        """Let go of parts and listener once all is settled: a circle waits for the collector."""
        self._is_cut = True
        self.parts.clear()
        self._listener = None

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
            reasoning_tokens=sum(u.reasoning_tokens for u in counted),
            adapter_digest=next((u.adapter_digest for u in counted if u.adapter_digest), ""),
        )
