"""One client connection: what is hot is answered at once, what is cold goes to uvicorn.

uvicorn spends most of a small request on ASGI's messages, and bounds neither the time nor the size
of a head for the httptools parser, so one slow client per file descriptor could hold the gateway
("slow loris"). Requests are bounded in both here, on either plane.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hearth.gateway.http import Exchange
from hearth.gateway.intake import COLD_BODY, HEAD, HOT_BODY, IGNORED, NOTHING, HotPlane, Intake

HEAD_TIMEOUT_S = 10.0
MAX_HEAD_BYTES = 64 * 1024
IDLE_S = 75.0
UPLOAD_BYTES_PER_S = (
    1024  # a file may take hours; whoever sends less holds a connection for nothing
)
LINGER_S = 2.0  # for a client that still sends what is not read: a close at once could reset it

_HEAD_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
_BODY_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\n"
_LATE_BODY = (
    b'{"error":{"object":"error","type":"invalid_request_error","code":"DEADLINE_EXCEEDED",'
    b'"message":"The body did not arrive in time.","param":null}}'
)


class Connection(HttpToolsProtocol):
    """HTTP/1.1 whose hot requests pass uvicorn by.

    A timer runs only while a request is incomplete, so requests that come in one piece cost none.
    """

    plane: ClassVar[HotPlane]
    write: Callable[[bytes], None]
    body_timeout_s: ClassVar[float]

    _exchange: Exchange | None = None
    "The hot request that is being answered."
    _timer: asyncio.TimerHandle | None = None
    _timed = HEAD
    "What the timer bounds."
    _idle_timer: asyncio.TimerHandle | None = None
    _active_s = 0.0
    _head_bytes = 0
    _body_bytes = 0
    "Of a cold body, since its timer was set."

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock of the first request."""
        super().connection_made(transport)
        self._intake = Intake(self, self.plane)
        self.parser = httptools.HttpRequestParser(self._intake)
        self.write = transport.write
        self._timer = self.loop.call_later(HEAD_TIMEOUT_S, self._cut_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks, and tell whoever answers."""
        self._stop_timer()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.is_gone = True
            if exchange.on_hangup is not None:
                exchange.on_hangup()
        super().connection_lost(exc)
        del self._intake

    def data_received(self, data: bytes) -> None:
        """Parse, then see whether the request must hurry."""
        intake = self._intake
        if intake.stage is IGNORED:
            return
        self._head_bytes = self._head_bytes + len(data) if intake.stage is HEAD else 0
        self._body_bytes += len(data)
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._on_upgrade()
        except httptools.HttpParserError:
            self._on_garbage()
        stage = intake.stage
        if stage is NOTHING or stage is IGNORED:
            self._stop_timer()
        elif stage is HEAD and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(_HEAD_TOO_LARGE, b"")
        elif self._timer is None or stage is not self._timed:
            self._stop_timer()
            self._timed = stage
            self._set_timer(HEAD_TIMEOUT_S if stage is HEAD else self.body_timeout_s)

    @property
    def is_full(self) -> bool:
        """See `Peer`."""
        return self.flow.write_paused

    @property
    def may_hand_on(self) -> bool:
        """See `Owner`."""
        return self._exchange is None

    @property
    def may_begin(self) -> bool:
        """See `Owner`."""
        return self._exchange is None and (self.cycle is None or self.cycle.response_complete)

    def serve(self, exchange: Exchange, body: bytes) -> None:
        """See `Owner`."""
        self._exchange = exchange
        task = self.plane.serve(exchange, body)
        if task is not None:  # the server waits for it when it stops
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def answered(self, exchange: Exchange) -> None:
        """See `Peer`."""
        self.plane.ended(exchange)
        if exchange.is_gone:
            return
        self._exchange = None
        self.server_state.total_requests += 1
        if exchange.may_persist:
            self._active_s = self.loop.time()
            if self._idle_timer is None:
                self._idle_timer = self.loop.call_later(IDLE_S, self._close_if_idle)
        elif self._intake.stage is IGNORED:
            self.loop.call_later(LINGER_S, self.transport.close)
        else:
            self.transport.close()

    def cut(self, exchange: Exchange) -> None:
        """See `Peer`."""
        self.plane.ended(exchange)
        if not exchange.is_gone:
            self.transport.close()

    def ignore_rest(self) -> None:
        """See `Owner`."""
        self._intake.stage = IGNORED
        if self._exchange is not None:
            self._exchange.may_persist = False
        elif self.cycle is not None:
            self.cycle.keep_alive = False

    def resume_writing(self) -> None:
        """The client takes more."""
        super().resume_writing()
        if self._exchange is not None and self._exchange.on_room is not None:
            self._exchange.on_room()

    def on_response_complete(self) -> None:
        """A cold answer is whole."""
        self._active_s = self.loop.time()
        super().on_response_complete()

    def shutdown(self) -> None:
        """Let the answer under way be the last; close at once if there is none."""
        if self._exchange is None:
            super().shutdown()
        else:
            self._exchange.may_persist = False

    def _close_if_idle(self) -> None:
        """One timer serves all requests of a connection: it looks when the last one was."""
        left_s = IDLE_S
        if self.may_begin:
            left_s = self._active_s + IDLE_S - self.loop.time()
        if left_s > 0:
            self._idle_timer = self.loop.call_later(left_s, self._close_if_idle)
        elif self._intake.stage is NOTHING:
            self.transport.close()

    def _on_upgrade(self) -> None:
        """Answer as if no other protocol was asked for; the parser reads nothing after it."""
        self.ignore_rest()
        if self.may_begin:
            self.transport.close()

    def _on_garbage(self) -> None:
        if self.may_begin:
            self.send_400_response("Invalid HTTP request received.")
        self.ignore_rest()

    def _set_timer(self, limit_s: float) -> None:
        self._body_bytes = 0
        self._timer = self.loop.call_later(limit_s, self._cut_late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cut_late(self) -> None:
        self._timer = None
        stage = self._intake.stage
        if not self.may_hand_on:
            self.ignore_rest()
        elif stage is HOT_BODY:
            self._intake.time_out()
        elif stage is COLD_BODY and self._is_uploading():
            self._set_timer(self.body_timeout_s)
        elif stage is COLD_BODY and not self.cycle.response_started:
            self._refuse(_BODY_TOO_LATE, _LATE_BODY)
        else:
            self.transport.close()

    def _is_uploading(self) -> bool:
        """Whether a file comes fast enough, or waits for us to take more of it."""
        if self.parser.get_method() != b"PUT" or self.cycle.response_started:
            return False
        is_fast = self._body_bytes >= UPLOAD_BYTES_PER_S * self.body_timeout_s
        return is_fast or self.flow.read_paused

    def _refuse(self, status: bytes, body: bytes) -> None:
        if self._exchange is not None:
            self.ignore_rest()
        elif not self.transport.is_closing():
            self.transport.write(
                status
                + b"connection: close\r\ncontent-type: application/json\r\n"
                + b"content-length: %d\r\n\r\n" % len(body)
                + body
            )
            self.transport.close()
