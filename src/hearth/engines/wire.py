"""Framing of the one connection between a gateway and a worker.

A frame is a 12-byte header, `length:u32 version:u8 type:u8 reserved:u16 request:u32` (big endian;
`length` counts the payload alone), then a msgpack payload. `request` is 0 for frames that concern
the connection. The module knows bytes and frame types, not what a payload means.

Writes are gathered: everything sent in one turn of the event loop leaves in one system call.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from enum import IntEnum
from typing import Any, cast

import msgspec

VERSION = 1
MAX_PAYLOAD_BYTES = 64 * 1024 * 1024  # a request with several large images still fits

_HEADER = struct.Struct(">IBBHI")

_encoder = msgspec.msgpack.Encoder()


class FrameType(IntEnum):
    """What a frame says; the comment names its payload and direction."""

    HELLO = 1  # worker → gateway, first frame: `Hello`
    PING = 2  # gateway → worker: empty
    PONG = 3  # worker → gateway: `Stats`
    GENERATE = 4  # gateway → worker: `GenerateRequest`
    STEP = 5  # worker → gateway: list of `Delta`, one frame an engine step
    FAILED = 6  # worker → gateway: `Failure`; the request is over
    CANCEL = 7  # gateway → worker: empty; the last `Delta` still comes
    CREDIT = 8  # gateway → worker: number of further deltas the gateway takes for this request
    EMBED = 9  # gateway → worker: `EmbedRequest`; answered by deltas as GENERATE is
    ADAPTER_LOAD = 10  # controller → worker: `Adapter`; answered by ADAPTERS or FAILED
    ADAPTER_UNLOAD = 11  # controller → worker: its full name; answered by ADAPTERS or FAILED
    ADAPTERS = 12  # worker → all: list of `LoadedAdapter`; `request` is 0 for all but who asked


Payload = bytes | bytearray

_TYPES = {kind.value: kind for kind in FrameType}


class WireError(Exception):
    """The peer broke the framing; the connection is of no further use."""


async def connect_to(address: str, make: Callable[[], Connection]) -> Connection:
    """Connect to a worker's `unix://` or `tcp://` address.

    Raises:
        OSError: nobody listens there.
    """
    loop = asyncio.get_running_loop()
    scheme, _, place = address.partition("://")
    if scheme == "unix":
        _, connection = await loop.create_unix_connection(make, place)
    else:
        host, _, port = place.rpartition(":")
        _, connection = await loop.create_connection(make, host, int(port))
    return connection


class Connection(asyncio.Protocol):
    """One end of a connection: frames in through a callback, frames out gathered per loop turn.

    Args:
        on_frame: called with (frame type, request, payload) for every frame, in order.
        on_lost: called once when the connection is gone, with the reason where there is one.
    """

    def __init__(
        self,
        on_frame: Callable[[FrameType, int, Payload], None],
        on_lost: Callable[[Exception | None], None],
    ) -> None:
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._transport: asyncio.WriteTransport | None = None
        self._received = bytearray()
        self._outgoing: list[bytes] = []
        self._is_lost = False
        self._loop = asyncio.get_running_loop()
        self._may_write = asyncio.Event()
        self._may_write.set()

    @property
    def is_open(self) -> bool:
        """Whether frames can still be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, frame_type: FrameType, request: int = 0, payload: Any = None) -> None:
        """Queue a frame, also before the connection stands; one for a lost connection is dropped,
        `on_lost` tells.

        Raises:
            WireError: the payload is larger than a frame may be.
        """
        body = b"" if payload is None else _encoder.encode(payload)
        if len(body) > MAX_PAYLOAD_BYTES:
            raise WireError(f"A payload of {len(body)} bytes is over the limit of a frame.")
        if self._is_lost:
            return
        if not self._outgoing and self._transport is not None:
            self._loop.call_soon(self._flush)
        self._outgoing.append(_HEADER.pack(len(body), VERSION, frame_type, 0, request))
        self._outgoing.append(body)

    async def writable(self) -> None:
        """Wait until the peer has taken enough of what was sent."""
        await self._may_write.wait()

    def close(self) -> None:
        """Send what is queued, then close."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def _flush(self) -> None:
        if self._outgoing and self._transport is not None:
            outgoing, self._outgoing = self._outgoing, []
            self._transport.write(b"".join(outgoing))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.WriteTransport, transport)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Cut the bytes into frames; a frame split across reads waits for its rest."""
        buffer: bytes | bytearray = data
        if self._received:
            self._received += data
            buffer = self._received
        try:
            used = self._deliver(buffer)
        except (WireError, ValueError, msgspec.MsgspecError) as error:
            self._lose(error)
            return
        if buffer is self._received:
            del self._received[:used]
        elif used < len(data):
            self._received += data[used:]

    def _deliver(self, buffer: bytes | bytearray) -> int:
        used, available = 0, len(buffer)
        while available - used >= _HEADER.size:
            length, version, kind, _, request = _HEADER.unpack_from(buffer, used)
            if version != VERSION:
                raise WireError(f"The peer speaks version {version}, we speak {VERSION}.")
            if length > MAX_PAYLOAD_BYTES:
                raise WireError(f"A frame of {length} bytes is over the limit.")
            end = used + _HEADER.size + length
            if end > available:
                break
            frame_type = _TYPES.get(kind)
            if frame_type is None:
                raise WireError(f"The peer sent a frame of unknown type {kind}.")
            # Most payloads are small: a copy costs less than a view.
            self._on_frame(frame_type, request, buffer[used + _HEADER.size : end])
            used = end
        return used

    def _lose(self, error: Exception) -> None:
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
            self._is_lost = True
            self._on_lost(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._may_write.set()
        self._is_lost = True
        if self._transport is not None:
            self._transport = None
            self._on_lost(exc)

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._may_write.set()
