"""Reads the requests of one connection, and parts the hot from the cold.

A hot request is kept here until it is whole, then answered by an `Exchange`. Every other is handed
on to uvicorn, which never learns of the hot ones.
"""

from __future__ import annotations

import asyncio
from enum import Enum, auto
from typing import Protocol

import httptools

from hearth.errors import ApiError, PayloadTooLarge, RequestTimeout
from hearth.gateway.error_shapes import Headers
from hearth.gateway.http import Exchange, Peer


class HotPlane(Protocol):
    """What answers hot requests."""

    @property
    def max_body_bytes(self) -> int:
        """The largest body that is read."""
        ...

    def path_of(self, url: bytes) -> str | None:
        """The canonical path, if POSTs to it are hot."""
        ...

    def admit(self, exchange: Exchange, before: Exchange | None) -> None:
        """Learn whose request it is, before its body is kept; raises `ApiError`.

        `before` is the last hot exchange of the same connection.
        """
        ...

    def refuse(self, exchange: Exchange, error: ApiError) -> None:
        """Answer with an error."""
        ...

    def serve(self, exchange: Exchange, body: bytes) -> asyncio.Task[None] | None:
        """Begin to answer; a task is returned where that has to wait. Never raises."""
        ...

    def ended(self, exchange: Exchange) -> None:
        """The exchange is over, answered or cut."""
        ...


class Owner(Peer, Protocol):
    """The connection, as its intake sees it; the parser's callbacks are uvicorn's."""

    parser: httptools.HttpRequestParser

    @property
    def may_begin(self) -> bool:
        """Whether no answer is under way."""
        ...

    @property
    def may_hand_on(self) -> bool:
        """Whether uvicorn may take a request: no hot answer is under way."""
        ...

    def serve(self, exchange: Exchange, body: bytes) -> None:
        """Begin to answer a whole request."""
        ...

    def ignore_rest(self) -> None:
        """Read no further request; close after the answer that is under way."""
        ...

    def on_message_begin(self) -> None: ...  # noqa: D102
    def on_url(self, url: bytes) -> None: ...  # noqa: D102
    def on_header(self, name: bytes, value: bytes) -> None: ...  # noqa: D102
    def on_headers_complete(self) -> None: ...  # noqa: D102
    def on_body(self, body: bytes) -> None: ...  # noqa: D102
    def on_message_complete(self) -> None: ...  # noqa: D102


class Stage(Enum):
    """What is being read."""

    NOTHING = auto()
    HEAD = auto()
    HOT_BODY = auto()
    COLD_BODY = auto()
    IGNORED = auto()
    "Whatever comes after a request that is the connection's last."


NOTHING, HEAD, HOT_BODY = Stage.NOTHING, Stage.HEAD, Stage.HOT_BODY
COLD_BODY, IGNORED = Stage.COLD_BODY, Stage.IGNORED


class Intake:
    """The callbacks of a connection's parser; see `httptools`."""

    __slots__ = (
        "_before", "_error", "_exchange", "_headers", "_owner", "_pieces", "_plane", "_size",
        "_url", "stage",
    )  # fmt: skip

    def __init__(self, owner: Owner, plane: HotPlane) -> None:
        self._owner = owner
        self._plane = plane
        self.stage = NOTHING
        self._url = b""
        self._headers: Headers = []
        self._exchange: Exchange
        self._before: Exchange | None = None
        "The hot exchange before this one."
        self._error: ApiError | None = None
        self._pieces: list[bytes] = []
        self._size = 0

    def on_message_begin(self) -> None:
        """A head begins."""
        if self.stage is not IGNORED:
            self.stage = HEAD
            self._url, self._headers = b"", []

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is whole: decide who takes the request."""
        if self.stage is IGNORED:
            return
        owner = self._owner
        is_post = owner.parser.get_method() == b"POST"
        path = self._plane.path_of(self._url) if is_post else None
        if path is None and owner.may_hand_on:
            self._hand_on()
        elif path is None or not owner.may_begin:
            # Requests are answered in order, and none waits here behind another: a client that
            # sends ahead finds the connection closed after the answer, and sends again.
            owner.ignore_rest()
        else:
            self._begin(path)

    def _hand_on(self) -> None:
        owner = self._owner
        self.stage = COLD_BODY
        owner.on_message_begin()
        owner.on_url(self._url)
        for name, value in self._headers:
            owner.on_header(name, value)
        owner.on_headers_complete()

    def _begin(self, path: str) -> None:
        parser, self.stage = self._owner.parser, HOT_BODY
        is_modern = parser.get_http_version() != "1.0"
        self._exchange = exchange = Exchange(
            self._owner,
            path,
            self._headers,
            may_persist=is_modern and parser.should_keep_alive() and not parser.should_upgrade(),
            may_chunk=is_modern,
        )
        self._pieces, self._size, self._error = [], 0, None
        headers = exchange.headers
        if int(headers.get(b"content-length", 0)) > self._plane.max_body_bytes:
            self._refuse_large()
            return
        awaits_consent = headers.get(b"expect", b"").lower() == b"100-continue"
        before, self._before = self._before, exchange
        try:
            self._plane.admit(exchange, before)
        except ApiError as error:
            self._error = error  # told once the body, which is not kept, has passed
            if awaits_consent:
                self._refuse(error)
                return
        if awaits_consent:
            self._owner.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A piece of a body."""
        if self.stage is HOT_BODY:
            self._size += len(body)
            if self._size > self._plane.max_body_bytes:
                self._refuse_large()
            elif self._error is None:
                self._pieces.append(body)
        elif self.stage is COLD_BODY:
            self._owner.on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self.stage is HOT_BODY:
            self.stage = NOTHING
            if self._error is not None:
                self._plane.refuse(self._exchange, self._error)
                return
            pieces, self._pieces = self._pieces, []
            self._owner.serve(self._exchange, pieces[0] if len(pieces) == 1 else b"".join(pieces))
        elif self.stage is COLD_BODY:
            self.stage = NOTHING
            self._owner.on_message_complete()

    def time_out(self) -> None:
        """The body of a hot request did not come in time."""
        self._refuse(RequestTimeout("The body did not arrive in time."))

    def _refuse_large(self) -> None:
        limit = self._plane.max_body_bytes
        self._refuse(PayloadTooLarge(f"The body is larger than {limit} bytes."))

    def _refuse(self, error: ApiError) -> None:
        """Answer before the request is whole; the rest of it is not read."""
        self._owner.ignore_rest()
        self._pieces.clear()
        self._exchange.may_persist = False
        self._plane.refuse(self._exchange, error)
