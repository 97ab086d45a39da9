"""The bare server's connection to the worker: the framing of `hearth.engines.wire`, no checks."""

from __future__ import annotations

import asyncio
import struct
from typing import Protocol, cast

import msgspec

from hearth.engines.protocol import Delta, GenerateRequest
from hearth.engines.wire import VERSION, FrameType

CREDIT_EVERY = 32  # deltas; half of what a request starts with

_HEADER = struct.Struct(">IBBHI")
_encode = msgspec.msgpack.Encoder().encode
_deltas = msgspec.msgpack.Decoder(list[Delta])
_GRANT = _encode(CREDIT_EVERY)


class Taker(Protocol):
    """Whoever waits for the deltas of a request."""

    def take(self, delta: Delta) -> None:
        """Take what one step added."""
        ...


class BareChannel(asyncio.Protocol):
    """Requests out, deltas in; writes gathered per turn of the loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._takers: dict[int, Taker] = {}
        self._taken: dict[int, int] = {}
        self._next_id = 0
        self._outgoing: list[bytes] = []
        self._received = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def generate(self, request: GenerateRequest, taker: Taker) -> None:
        """Send a request; the taker gets its deltas."""
        self._next_id += 1
        self._takers[self._next_id] = taker
        self._taken[self._next_id] = 0
        self._send(FrameType.GENERATE, self._next_id, _encode(request))

    def _send(self, kind: FrameType, request: int, body: bytes) -> None:
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(_HEADER.pack(len(body), VERSION, kind, 0, request) + body)

    def _flush(self) -> None:
        if self._transport is not None:
            self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        buffer = self._received + data if self._received else data
        start = 0
        while start + _HEADER.size <= len(buffer):
            length, _, kind, _, _ = _HEADER.unpack_from(buffer, start)
            end = start + _HEADER.size + length
            if end > len(buffer):
                break
            if kind == FrameType.STEP:
                for delta in _deltas.decode(memoryview(buffer)[start + _HEADER.size : end]):
                    self._deliver(delta)
            start = end
        self._received = buffer[start:]

    def _deliver(self, delta: Delta) -> None:
        request = delta.request
        self._takers[request].take(delta)
        if delta.usage is not None:
            del self._takers[request], self._taken[request]
            return
        self._taken[request] += 1
        if self._taken[request] % CREDIT_EVERY == 0:
            self._send(FrameType.CREDIT, request, _GRANT)
