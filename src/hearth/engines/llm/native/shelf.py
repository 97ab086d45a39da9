"""Where adapters are: on disk, in memory, or in a place of the backend where they can compute.

Least recently used ones make room. An adapter is known by its digest, so that one that replaces
another of the same name is another one, and what runs keeps the old.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Container, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from hearth.engines.engine import Failed
from hearth.engines.llm.native.backend import NO_ADAPTER, AdapterWeights, Backend
from hearth.engines.protocol import Adapter, LoadedAdapter

Reader = Callable[[Path, str], AdapterWeights]
"Reads a file whose digest is known; raises `Failed`."


class Room(NamedTuple):
    """How many adapters there is room for."""

    num_places: int
    "Ready to compute."
    num_kept: int
    "In memory, those with a place among them."


class ShelfUser(NamedTuple):
    """What computes with the adapters."""

    in_use: Callable[[], Container[str]]
    "Gives the digests of those that run now, which keep their places."
    note: Callable[[str, Failed | None], None]
    "Called when an adapter, by its digest, has become ready or cannot."


class AdapterShelf:
    """Implements `LiveAdapters`, and says which adapters can be computed with.

    Args:
        thread: runs one thing at a time, the backend's steps among them.
        read: of their files.
    """

    def __init__(
        self,
        backend: Backend,
        thread: Executor,
        read: Reader,
        room: Room,
        user: ShelfUser,
    ) -> None:
        self._backend = backend
        self._thread = thread
        self._read = read
        self._num_kept = room.num_kept
        self._user = user
        self._named: dict[str, Adapter] = {}
        self._known: dict[str, Adapter] = {}
        "By digest: those that are named, and those that something still runs with."
        self._users: Counter[str] = Counter()
        self._kept: OrderedDict[str, AdapterWeights] = OrderedDict()
        self._placed: OrderedDict[str, int] = OrderedDict()
        self._free = list(reversed(range(room.num_places)))
        self._coming: dict[str, asyncio.Task[None]] = {}
        self._preparer = ThreadPoolExecutor(1, thread_name_prefix="adapters")
        self._prepared: Future[None] | None = None

    @property
    def loaded(self) -> list[LoadedAdapter]:
        """Those that requests can ask for."""
        return [LoadedAdapter(each.name, each.digest) for each in self._named.values()]

    def digest_of(self, name: str) -> str:
        """The digest of an adapter by name; empty without a name, or where it is not loaded."""
        return self._named[name].digest if name in self._named else ""

    def load_first(self, adapters: Sequence[Adapter], *, expects_more: bool = False) -> None:
        """Load the adapters that the engine starts with; nothing is computed yet.

        Args:
            expects_more: get ready for others, beside what the engine does next.

        Raises:
            Failed: one cannot be loaded.
        """
        if adapters or expects_more:
            ready = self._prepare()
        if adapters:
            ready.result()
        for adapter in adapters:
            weights = self._read(Path(adapter.path), adapter.digest)
            self._known[adapter.digest] = self._named[adapter.name] = adapter
            self._keep(adapter.digest, weights)
            place = None if adapter.digest in self._placed else self._take_place()
            if place is not None:
                self._backend.put_adapter(place, weights)
                self._placed[adapter.digest] = place

    async def load_adapter(self, adapter: Adapter) -> None:
        """See `LiveAdapters`; it is ready to compute once this returns, if there is a place."""
        if adapter.digest not in self._known:
            weights = await asyncio.to_thread(self._read, Path(adapter.path), adapter.digest)
            # One load that is broken off must not break off what others wait for.
            await asyncio.shield(asyncio.wrap_future(self._prepare()))
            self._known[adapter.digest] = adapter
            self._users[adapter.digest] += 1
            self._keep(adapter.digest, weights)
            place = self._take_place()
            if place is not None:
                await self._put(adapter.digest, weights, place)
            self._users[adapter.digest] -= 1
        before = self._named.get(adapter.name)
        self._named[adapter.name] = adapter
        if before is not None:
            self._forget_unused(before.digest)

    async def unload_adapter(self, name: str) -> None:
        """See `LiveAdapters`."""
        adapter = self._named.pop(name, None)
        if adapter is not None:
            self._forget_unused(adapter.digest)

    def knows(self, digest: str) -> bool:
        """Whether an adapter is loaded, or something still runs with it; true for none at all."""
        return not digest or digest in self._known

    def hold(self, digest: str) -> None:
        """Count a sequence that needs an adapter."""
        if digest:
            self._users[digest] += 1

    def let_go(self, digest: str) -> None:
        """Count a sequence less."""
        if digest:
            self._users[digest] -= 1
            self._forget_unused(digest)

    def is_ready(self, digest: str) -> bool:
        """Whether sequences can be computed with an adapter; if not, it is sent for."""
        if not digest:
            return True
        if digest in self._placed:
            self._placed.move_to_end(digest)
            return True
        if digest not in self._coming:
            place = self._take_place()
            if place is not None:
                fetching = self._fetch(self._known[digest], place)
                self._coming[digest] = asyncio.ensure_future(fetching)
        return False

    def place_of(self, digest: str) -> int:
        """The place of an adapter that is ready."""
        return self._placed[digest] if digest else NO_ADAPTER

    async def close(self) -> None:
        """Break off what is being fetched; what is being prepared cannot be."""
        for task in self._coming.values():
            task.cancel()
        await asyncio.gather(*self._coming.values(), return_exceptions=True)
        await asyncio.to_thread(self._preparer.shutdown)

    def _prepare(self) -> Future[None]:
        """Have the backend get ready for adapters, in a thread, unless it is or does so already."""
        if self._prepared is None or (self._prepared.done() and self._prepared.exception()):
            self._prepared = self._preparer.submit(self._backend.prepare_adapters)
        return self._prepared

    async def _fetch(self, adapter: Adapter, place: int) -> None:
        failure, digest = None, adapter.digest
        try:
            weights = self._kept.get(digest)
            if weights is None:
                weights = await asyncio.to_thread(self._read, Path(adapter.path), digest)
                self._keep(digest, weights)
            await self._put(digest, weights, place)
        except Failed as failed:
            failure = failed
            self._free.append(place)
        finally:
            del self._coming[digest]
        self._user.note(digest, failure)

    async def _put(self, digest: str, weights: AdapterWeights, place: int) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._backend.put_adapter, place, weights)
        self._placed[digest] = place
        self._forget_unused(digest)  # all that wanted it may have gone meanwhile

    def _take_place(self) -> int | None:
        if self._free:
            return self._free.pop()
        used = self._user.in_use()
        unused = next((digest for digest in self._placed if digest not in used), None)
        return None if unused is None else self._placed.pop(unused)

    def _keep(self, digest: str, weights: AdapterWeights) -> None:
        self._kept[digest] = weights
        while len(self._kept) > self._num_kept:
            self._kept.popitem(last=False)

    def _forget_unused(self, digest: str) -> None:
        if self._users[digest] or any(each.digest == digest for each in self._named.values()):
            return
        del self._users[digest]
        self._known.pop(digest, None)
        self._kept.pop(digest, None)
        if digest in self._placed:
            place = self._placed.pop(digest)
            self._thread.submit(self._backend.drop_adapter, place)
            self._free.append(place)
