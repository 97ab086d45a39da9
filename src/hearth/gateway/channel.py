"""The gateway's end of the connection to one replica.

A channel reconnects by itself while it is open: a worker that was restarted at the same address is
back within a fraction of a second. Requests in flight when the connection breaks fail with
`WorkerGone`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from itertools import count

import msgspec

from hearth.engines.protocol import (
    Delta,
    EmbedRequest,
    Failure,
    GenerateRequest,
    Hello,
    LoadedAdapter,
    Stats,
)
from hearth.engines.wire import Connection, FrameType, Payload, connect_to
from hearth.errors import (
    ApiError,
    EngineFailed,
    InvalidRequest,
    PromptOverBound,
    Unavailable,
    WorkerGone,
)
from hearth.gateway.generation import Part

log = logging.getLogger(__name__)

HEARTBEAT_S = 2.0
SILENCE_S = 15.0  # a worker that answers no ping for so long is taken for hung
RECONNECT_S = 0.1

_hello = msgspec.msgpack.Decoder(Hello)
_adapters = msgspec.msgpack.Decoder(list[LoadedAdapter])
_stats = msgspec.msgpack.Decoder(Stats)
_deltas = msgspec.msgpack.Decoder(list[Delta])
_failure = msgspec.msgpack.Decoder(Failure)


class Channel:
    """One replica: its hello, its load, and the requests in it.

    Args:
        address: where the worker listens.
        on_change: called when the replica becomes usable or stops being so.
    """

    def __init__(self, address: str, on_change: Callable[[], None]) -> None:
        self.address = address
        self.hello: Hello | None = None
        self.stats = Stats()
        self._on_change = on_change
        self._ids = count(1)
        self._sent: dict[int, Part] = {}
        self._connection: Connection | None = None
        self._lost = asyncio.Event()
        self._is_draining = False
        self._last_heard_s = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether a request can be sent now."""
        return self.hello is not None and not self._is_draining

    def has_adapter(self, name: str) -> bool:
        """Whether a request for an adapter can be sent now."""
        return self.hello is not None and bool(self.hello.digest_of(name))

    @property
    def num_requests(self) -> int:
        """Worker requests in flight from this gateway."""
        return len(self._sent)

    def open(self) -> None:
        """Begin to connect, and reconnect until `close`."""
        self._task = asyncio.create_task(self._keep_connected(), name=f"channel {self.address}")

    async def close(self) -> None:
        """End the connection; requests in flight fail."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def generate(self, request: GenerateRequest | EmbedRequest, part: Part) -> None:
        """Send a request; its deltas, or its failure, go to the part, which can grant and cancel
        from now on.
        """
        connection = self._connection
        if connection is None:
            part.fail(WorkerGone("The worker is restarting.", retry_after_s=1))
            return
        request_id = next(self._ids) & 0xFFFFFFFF
        self._sent[request_id] = part
        part.sent(connection, request_id)
        is_text = isinstance(request, GenerateRequest)
        kind = FrameType.GENERATE if is_text else FrameType.EMBED
        connection.send(kind, request_id, request)

    async def _keep_connected(self) -> None:
        while True:
            try:
                await self._connect()
                await self._beat()
            except OSError:
                pass  # not listening yet, or no longer: the reconciler decides its fate
            finally:
                self._disconnect()
            await asyncio.sleep(RECONNECT_S)

    async def _connect(self) -> None:
        self._lost.clear()
        self._last_heard_s = asyncio.get_running_loop().time()
        self._connection = await connect_to(self.address, self._new_connection)

    def _new_connection(self) -> Connection:
        connection = Connection(self._on_frame, lambda _: self._on_lost(connection))
        return connection

    def _on_lost(self, connection: Connection) -> None:
        if connection is self._connection:  # not one that was replaced meanwhile
            self._disconnect()

    async def _beat(self) -> None:
        """Ping until the connection is lost or the worker falls silent."""
        loop = asyncio.get_running_loop()
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._lost.wait(), HEARTBEAT_S)
                return
            if loop.time() - self._last_heard_s > SILENCE_S:
                log.warning("The worker at %s is silent; its connection is cut.", self.address)
                return
            if self._connection is not None:
                self._connection.send(FrameType.PING)

    def _disconnect(self) -> None:
        self._lost.set()
        was_ready, self.hello = self.hello is not None, None
        self._is_draining = False
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        sent, self._sent = self._sent, {}
        for part in sent.values():
            part.fail(WorkerGone("The worker died while it answered.", retry_after_s=1))
        if was_ready:
            self._on_change()

    def _on_frame(self, kind: FrameType, request: int, payload: Payload) -> None:
        if kind is FrameType.STEP:
            for delta in _deltas.decode(payload):
                self._take(delta)
        elif kind is FrameType.FAILED:
            failure = _failure.decode(payload)
            if failure.kind == "draining" and not self._is_draining:
                self._is_draining = True  # the replicas table will say so in a moment
                self._on_change()
            if part := self._sent.pop(request, None):
                part.fail(_error(failure))
        elif kind is FrameType.PONG:
            self.stats = _stats.decode(payload)
            self._last_heard_s = asyncio.get_running_loop().time()
        elif kind is FrameType.HELLO:
            self.hello = _hello.decode(payload)
            self._on_change()
        elif kind is FrameType.ADAPTERS and self.hello is not None:
            self.hello = msgspec.structs.replace(self.hello, adapters=_adapters.decode(payload))
            self._on_change()

    def _take(self, delta: Delta) -> None:
        part = self._sent.get(delta.request)
        if part is None:
            return
        if delta.usage is not None:
            del self._sent[delta.request]
        part.feed(delta)


def _error(failure: Failure) -> ApiError:
    """The error that tells the API's caller about a worker's failure."""
    if failure.kind == "invalid":
        return InvalidRequest(failure.message, param=failure.param)
    if failure.kind == "prompt_limit":
        return PromptOverBound(failure.prompt_tokens)
    if failure.kind == "draining":
        return WorkerGone(failure.message, retry_after_s=1)
    if failure.kind == "unavailable":
        return Unavailable(failure.message, retry_after_s=failure.retry_after_s or 1)
    return EngineFailed(failure.message)
