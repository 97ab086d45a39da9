"""The seam every engine implements, in the worker process that runs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from hearth.engines.protocol import (
    Adapter,
    Delta,
    EmbedRequest,
    Failure,
    GenerateRequest,
    Hello,
    Stats,
)


class Failed(Exception):
    """A request that cannot start, or ended in an error; carries the `Failure` to report."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Engine(Protocol):
    """A loaded model that works on many requests at once.

    The worker calls `step` in a loop and sends what it returns as one frame. Requests carry an id
    that the worker chose, unique while they run. All methods are called from one event loop.
    """

    def hello(self) -> Hello:
        """Say who the engine is and what it can do; fixed once loaded, save for live adapters."""
        ...

    def add(self, request_id: int, request: GenerateRequest) -> None:
        """Take a request; it may wait for a slot.

        Raises:
            Failed: the request is refused; the reason is in the failure.
        """
        ...

    def cancel(self, request_id: int) -> None:
        """End a request within one step; its last delta, with usage, still comes from `step`.

        An id that is unknown or has ended already is left alone.
        """
        ...

    async def step(self) -> Sequence[Delta | tuple[int, Failure]]:
        """Wait until something was produced, then return all that is new, in order per choice.

        A pair (request id, failure) ends that request without usage.
        """
        ...

    def stats(self) -> Stats:
        """Count what runs and waits, and how full the cache is."""
        ...

    async def close(self) -> None:
        """Free the model; nothing may be running."""
        ...


@runtime_checkable
class VectorEngine(Protocol):
    """An `Engine` that makes vectors as well, or makes nothing else."""

    def embed(self, request_id: int, request: EmbedRequest) -> None:
        """Take a request; its vectors come from `step`, with its last delta.

        Raises:
            Failed: the request is refused; the reason is in the failure.
        """
        ...


@runtime_checkable
class LiveAdapters(Protocol):
    """What an `Engine` is as well whose adapters can come and go while it works.

    Its `hello` lists those it has.
    """

    async def load_adapter(self, adapter: Adapter) -> None:
        """Load an adapter; one of the same name is replaced, and what runs keeps the old one.

        Raises:
            Failed: it cannot be loaded; what was loaded stays so.
        """
        ...

    async def unload_adapter(self, name: str) -> None:
        """Let go of an adapter once nothing runs with it; new requests for it are refused at once.

        A name that is not loaded is left alone.
        """
        ...
