"""How busy the replicas of deployments are, asked of their workers once a second."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec

from hearth.engines.protocol import Hello, Stats
from hearth.engines.wire import Connection, FrameType, Payload, connect_to

EVERY_S = 1.0
SILENCE_S = 10.0  # what a worker said longer ago says nothing of now

_hello = msgspec.msgpack.Decoder(Hello)
_stats = msgspec.msgpack.Decoder(Stats)


class _Probe:
    """One worker, pinged over a connection of its own."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._connection: Connection | None = None
        self.hello: Hello | None = None
        self.stats: Stats | None = None
        self.heard_s = 0.0
        self.task = asyncio.create_task(self._ask_forever(), name=f"probe {address}")

    async def _ask_forever(self) -> None:
        try:
            while True:
                with suppress(OSError):
                    if self._connection is None or not self._connection.is_open:
                        await self._connect()
                    if self._connection is not None:
                        self._connection.send(FrameType.PING)
                await asyncio.sleep(EVERY_S)
        finally:
            if self._connection is not None:
                self._connection.close()

    async def _connect(self) -> None:
        self.stats = None  # a worker that was started again counts from 0
        self._connection = await connect_to(self._address, self._made)

    def _made(self) -> Connection:
        return Connection(self._on_frame, lambda _: None)

    def _on_frame(self, kind: FrameType, _: int, payload: Payload) -> None:
        if kind is FrameType.PONG:
            self.stats = _stats.decode(payload)
            self.heard_s = asyncio.get_running_loop().time()
        elif kind is FrameType.HELLO:
            self.hello = _hello.decode(payload)


class Probes:
    """Follows a changing set of workers."""

    def __init__(self) -> None:
        self._probes: dict[str, _Probe] = {}

    def follow(self, addresses: set[str]) -> None:
        """Ask these from now on, and no others."""
        for address in self._probes.keys() - addresses:
            self._probes.pop(address).task.cancel()
        for address in addresses - self._probes.keys():
            self._probes[address] = _Probe(address)

    def stats(self, address: str) -> Stats | None:
        """What the worker last said; None where it has not answered of late."""
        probe = self._probes.get(address)
        if probe is None or asyncio.get_running_loop().time() - probe.heard_s > SILENCE_S:
            return None
        return probe.stats

    def slots(self, address: str) -> int:
        """How many sequences the worker works on at once; 0: it has not said yet."""
        probe = self._probes.get(address)
        return probe.hello.max_batch if probe is not None and probe.hello is not None else 0

    async def close(self) -> None:
        """Ask nobody any more."""
        tasks = [probe.task for probe in self._probes.values()]
        self.follow(set())
        await asyncio.gather(*tasks, return_exceptions=True)
