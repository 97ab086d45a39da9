"""Adapters that come and go in a running worker, as its peers see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from hearth.engines.protocol import Adapter, Failure, Hello, LoadedAdapter
from hearth.engines.wire import Connection, FrameType, Payload
from tests.engines.conftest import llama_spec
from tests.engines.worker_process import running_worker

NEW = Adapter(name="accounts/test/models/new", digest="5" * 64)
LOADED = [LoadedAdapter(NEW.name, NEW.digest)]
KINDS: dict[FrameType, Any] = {
    FrameType.HELLO: Hello,
    FrameType.ADAPTERS: list[LoadedAdapter],
    FrameType.FAILED: Failure,
}


class Peer:
    """A connection whose frames wait to be read."""

    def __init__(self) -> None:
        self.connection = Connection(self._on_frame, lambda _: None)
        self._frames: asyncio.Queue[tuple[FrameType, int, Any]] = asyncio.Queue()

    def accept(self) -> Connection:
        return self.connection

    async def next(self) -> tuple[FrameType, int, Any]:
        return await asyncio.wait_for(self._frames.get(), 20)

    def _on_frame(self, kind: FrameType, request: int, payload: Payload) -> None:
        decoded = msgspec.msgpack.decode(payload, type=KINDS[kind])
        self._frames.put_nowait((kind, request, decoded))


@asynccontextmanager
async def two_peers(engine: str, folder: Path) -> AsyncIterator[tuple[Peer, Peer]]:
    spec = llama_spec(Path(), engine=engine, address=f"unix://{folder}/w.sock")
    async with running_worker(spec) as worker:
        path = worker.ready.address.removeprefix("unix://")
        first, second = Peer(), Peer()
        for peer in (first, second):
            await asyncio.get_running_loop().create_unix_connection(peer.accept, path)
            kind, _, hello = await peer.next()
            assert (kind, hello.adapters) == (FrameType.HELLO, [])
        yield first, second
        for peer in (first, second):
            peer.connection.close()


async def test_every_peer_learns_what_came_and_what_went(tmp_path: Path) -> None:
    async with two_peers("fake", tmp_path) as (asker, other):
        asker.connection.send(FrameType.ADAPTER_LOAD, 4, NEW)
        assert await asker.next() == (FrameType.ADAPTERS, 4, LOADED)
        assert await other.next() == (FrameType.ADAPTERS, 0, LOADED)

        asker.connection.send(FrameType.ADAPTER_UNLOAD, 5, NEW.name)
        assert await asker.next() == (FrameType.ADAPTERS, 5, [])
        assert await other.next() == (FrameType.ADAPTERS, 0, [])


async def test_an_engine_without_adapters_refuses_them(tmp_path: Path) -> None:
    async with two_peers("fake-embedding", tmp_path) as (asker, _):
        asker.connection.send(FrameType.ADAPTER_LOAD, 4, NEW)
        kind, request, failure = await asker.next()

    assert (kind, request, failure.kind) == (FrameType.FAILED, 4, "invalid")


async def test_a_worker_whose_engine_has_none_does_not_start_with_adapters(tmp_path: Path) -> None:
    spec = llama_spec(
        Path(), engine="fake-embedding", adapters=[NEW], address=f"unix://{tmp_path}/w.sock"
    )

    async with running_worker(spec) as worker:
        assert "loads no adapters" in worker.ready.error
