"""uvicorn with a guard: a connection that dawdles, or whose head is too large, is cut.

uvicorn bounds neither for the httptools parser, so one slow client per file descriptor could hold
the gateway ("slow loris").
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import MutableMapping
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from hearth.errors import SetupError
from hearth.gateway.error_shapes import Headers
from hearth.gateway.http import DIRECT

HEAD_TIMEOUT_S = 10.0
MAX_HEAD_BYTES = 64 * 1024
BACKLOG = 2048

_HEAD_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
_BODY_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\n"
_LATE_BODY = (
    b'{"error":{"object":"error","type":"invalid_request_error","code":"DEADLINE_EXCEEDED",'
    b'"message":"The body did not arrive in time.","param":null}}'
)


class DirectAnswer:
    """Writes an answer straight to its connection, past ASGI's messages.

    uvicorn checks every header by two patterns and passes every piece through a coroutine; the hot
    path writes its own headers, and most of what an answer costs was that. It keeps uvicorn's own
    account of the exchange, so keep-alive, pipelining and shutdown work as for any other.
    """

    __slots__ = ("_cycle",)

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle

    async def writable(self) -> None:
        """Wait while the client takes less than was written."""
        if self._cycle.flow.write_paused and not self._cycle.disconnected:
            await self._cycle.flow.drain()

    def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """Send head and body at once."""
        if not self._cycle.disconnected:
            length = b"content-length: %d\r\n\r\n" % len(body)
            self._cycle.transport.write(self._head(status, headers) + length + body)
            self._complete()

    def start(self, status: int, headers: Headers) -> None:
        """Send the head of a body that comes in chunks."""
        if not self._cycle.disconnected:
            chunked = b"transfer-encoding: chunked\r\n\r\n"
            self._cycle.transport.write(self._head(status, headers) + chunked)

    def chunk(self, body: bytes, *, is_last: bool) -> None:
        """Send a piece; the last one ends the answer."""
        if self._cycle.disconnected:
            return
        end = b"\r\n0\r\n\r\n" if is_last else b"\r\n"
        self._cycle.transport.write(b"%x\r\n%b%b" % (len(body), body, end))
        if is_last:
            self._complete()

    def _head(self, status: int, headers: Headers) -> bytes:
        cycle = self._cycle
        cycle.response_started = True
        lines = [STATUS_LINE[status]]
        for name, value in headers:
            lines += (name, b": ", value, b"\r\n")
            if name == b"connection":
                cycle.keep_alive = False
        if not cycle.keep_alive:
            lines.append(b"connection: close\r\n")
        return b"".join(lines)

    def _complete(self) -> None:
        cycle = self._cycle
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()


class GuardedProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose requests are bounded in time, and their heads in size.

    A timer runs only while a request is incomplete, so requests that come in one piece cost none.
    """

    body_timeout_s = 30.0

    _timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _is_in_head = False
    _is_in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock of the first request."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_TIMEOUT_S, self._cut)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, then see whether the request must hurry."""
        if self._is_in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if not self._is_in_head and not self._is_in_body:
            self._stop_timer()
        elif self._is_in_head and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(_HEAD_TOO_LARGE, b"")
        elif self._timer is None:
            limit_s = HEAD_TIMEOUT_S if self._is_in_head else self.body_timeout_s
            self._timer = self.loop.call_later(limit_s, self._cut)

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._is_in_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        """The head is whole, the body begins; its time counts from here."""
        self._is_in_head, self._is_in_body = False, True
        self._stop_timer()
        super().on_headers_complete()
        if self.scope["method"] == "POST":
            scope = cast(MutableMapping[str, object], self.scope)
            scope[DIRECT] = DirectAnswer(self.cycle)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._is_in_body = False
        super().on_message_complete()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cut(self) -> None:
        self._timer = None
        if self._is_in_body and not (self.cycle is not None and self.cycle.response_started):
            self._refuse(_BODY_TOO_LATE, _LATE_BODY)
        else:
            self.transport.close()

    def _refuse(self, status: bytes, body: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(
                status
                + b"connection: close\r\ncontent-type: application/json\r\n"
                + b"content-length: %d\r\n\r\n" % len(body)
                + body
            )
            self.transport.close()


def bind(host: str, port: int) -> socket.socket:
    """Take the port, before anything slow is started.

    Raises:
        SetupError: it is busy, or not ours to take.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SetupError(
            f"Cannot listen on {host}:{port} ({error.strerror}); stop what uses it, "
            "or choose another with HEARTH_PORT."
        ) from error
    listener.setblocking(False)
    return listener


def make_server(
    app: Any, *, body_timeout_s: float, drain_timeout_s: float
) -> uvicorn.Server:  # Any: an ASGI app
    """A server that serves `app` on sockets it is given."""
    protocol = type("Protocol", (GuardedProtocol,), {"body_timeout_s": body_timeout_s})
    config = uvicorn.Config(
        app,
        http=protocol,
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=max(1, int(drain_timeout_s)),
    )
    return uvicorn.Server(config)
