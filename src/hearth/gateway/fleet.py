"""Which replicas can serve a model now, and which of them takes a request.

The fleet follows the replicas table through `refresh`; it holds one channel per replica.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from hashlib import blake2b

from hearth.deployments import Replica, ReplicaState
from hearth.errors import Unavailable
from hearth.gateway.channel import Channel
from hearth.gateway.job import Route

Request = Callable[[str], Awaitable[None]]
MOMENT_S = 1.0  # by then, what the table says is known here and connected
START_S = 2  # what a small model takes; clients that are told so come back in time


class Fleet:
    """The replicas of every pool that this gateway can reach.

    Args:
        request_pool: asks the controller to serve a pool that has no replica, and refreshes.
        max_queued: requests in flight per replica before others are refused.
        wait_s: how long a request waits for a replica that is starting.
    """

    def __init__(self, request_pool: Request, *, max_queued: int, wait_s: float) -> None:
        self._request_pool = request_pool
        self._max_queued = max_queued
        self._wait_s = wait_s
        self._replicas: dict[str, Replica] = {}
        self._channels: dict[str, Channel] = {}
        self._ready: dict[str, list[Channel]] = {}
        self._changed = asyncio.Event()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def channels(self) -> Iterable[Channel]:
        """Every channel, for metrics."""
        return self._channels.values()

    def refresh(self, replicas: Iterable[Replica]) -> None:
        """Follow the table: open channels to new addresses, close those that are gone."""
        self._replicas = {each.id: each for each in replicas}
        wanted = {each.address for each in self._replicas.values() if each.address}
        for address in wanted - self._channels.keys():
            self._channels[address] = channel = Channel(address, self._on_change)
            channel.open()
        for address in self._channels.keys() - wanted:
            closing = asyncio.create_task(self._channels.pop(address).close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        self._on_change()

    def _on_change(self) -> None:
        ready: dict[str, list[Channel]] = {}
        for replica in self._replicas.values():
            channel = self._channels.get(replica.address)
            if channel is not None and channel.is_ready and replica.state == ReplicaState.READY:
                ready.setdefault(replica.pool, []).append(channel)
        self._ready = ready
        self._changed.set()
        self._changed = asyncio.Event()

    def is_ready(self, pool: str) -> bool:
        """Whether a request for the pool would be sent at once."""
        return pool in self._ready

    def load_of(self, pool: str) -> int | None:
        """How many requests of this gateway the pool works on; None: no replica is ready."""
        channels = self._ready.get(pool)
        return None if channels is None else sum(each.num_requests for each in channels)

    def find(self, route: Route, affinity: str | None) -> Channel | None:
        """Choose among the replicas that are ready, and have the adapter where one answers; None
        if none is.

        Raises:
            Unavailable: all queues are full.
        """
        channels = self._ready.get(route.pool)
        if channels is not None and route.adapter:
            channels = [each for each in channels if each.has_adapter(route.adapter)]
        if not channels:
            return None
        channel = choose(channels, affinity)
        if channel.num_requests >= self._max_queued:
            raise Unavailable("Every replica's queue is full; try again.", retry_after_s=1)
        return channel

    async def wait_for(self, route: Route, affinity: str | None) -> Channel:
        """Choose a replica as soon as one is ready; a pool that has none is asked for.

        A deployment without replicas is woken, and the request is refused at once, as Fireworks
        does: its start may take longer than a client waits. One whose replica is being started
        again is waited for.

        Raises:
            Unavailable: none came in time, its start failed, or all queues are full.
        """
        try:
            async with asyncio.timeout(self._wait_s):
                return await self._ask_and_wait(route, affinity)
        except TimeoutError:
            raise Unavailable(
                f"No replica of {route.pool} was ready within {self._wait_s:.0f} s.",
                retry_after_s=5,
            ) from None

    async def _ask_and_wait(self, route: Route, affinity: str | None) -> Channel:
        is_asked, pool = False, route.pool
        while (channel := self.find(route, affinity)) is None:
            if self._is_coming(pool):
                is_asked = False  # should it go away again, another controller must be asked
            elif not is_asked:
                await self._request_pool(pool)
                is_asked = True
                continue  # it may have come meanwhile
            self._refuse_if_failed(pool)
            if route.deployment and not self._is_returning(pool):
                await self._wait_a_moment(pool)
            else:
                await self._changed.wait()
        return channel

    async def _wait_a_moment(self, pool: str) -> None:
        """Wait for a replica of a deployment that is starting, and be it for our news of it.

        Raises:
            Unavailable: there is none, or it takes longer.
        """
        try:
            async with asyncio.timeout(MOMENT_S if self._is_coming(pool) else 0):
                await self._changed.wait()
        except TimeoutError:
            raise Unavailable(
                f"{pool} has no replica that is ready; one is being started. Try again.",
                retry_after_s=START_S,
            ) from None

    def _is_coming(self, pool: str) -> bool:
        return any(
            each.state in (ReplicaState.STARTING, ReplicaState.READY) for each in self._of(pool)
        )

    def _is_returning(self, pool: str) -> bool:
        """Whether a replica has served before, so that it will be back in a moment."""
        return any(
            each.address and each.state is not ReplicaState.DRAINING for each in self._of(pool)
        )

    def _of(self, pool: str) -> list[Replica]:
        return [each for each in self._replicas.values() if each.pool == pool]

    def _refuse_if_failed(self, pool: str) -> None:
        states = [e for e in self._of(pool) if e.state is not ReplicaState.DRAINING]
        if states and all(each.state is ReplicaState.FAILED for each in states):
            raise Unavailable(
                f"The engine of {pool} cannot start: {states[0].message}.", retry_after_s=10
            )

    async def close(self) -> None:
        """Close every channel; requests in flight fail."""
        await asyncio.gather(
            *(channel.close() for channel in self._channels.values()), *self._closing
        )


def choose(channels: list[Channel], affinity: str | None) -> Channel:
    """Pick by rendezvous hashing where the caller asks for affinity, else the least loaded.

    Rendezvous hashing (Thaler & Ravishankar, 1998) moves only the keys of a replica that left.
    """
    if len(channels) == 1:
        return channels[0]
    if affinity is None:
        return min(channels, key=lambda channel: channel.num_requests)
    return max(channels, key=lambda c: blake2b(f"{affinity}\0{c.address}".encode()).digest())
