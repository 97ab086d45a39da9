"""One HTTP exchange of the hot plane: a request that is here as a whole, and its one answer.

Inference requests see neither ASGI nor Starlette; this is all they need of a framework. Answers are
written straight to their connection, in HTTP/1.1 or, for a client that knows no chunks, HTTP/1.0.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from time import perf_counter
from typing import Any, Protocol

from hearth.accounts import Caller
from hearth.errors import ApiError, InternalError
from hearth.gateway.error_shapes import Family, Headers, error_body, error_headers, family_of
from hearth.kit.ids import new_uuid

log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]  # Any: ASGI's own types
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON = (b"content-type", b"application/json")
EVENT_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")

_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


class Peer(Protocol):
    """The connection that a request came on."""

    @property
    def client(self) -> tuple[str, int] | None:
        """The other end's address and port; None where it has none."""
        ...

    @property
    def server(self) -> tuple[str, int | None] | None:
        """Our end's."""
        ...

    @property
    def scheme(self) -> str | None:
        """`https` where the connection speaks TLS."""
        ...

    @property
    def is_full(self) -> bool:
        """Whether the client takes less than was written."""
        ...

    def write(self, data: bytes) -> None:
        """Send bytes of the answer."""
        ...

    def answered(self, exchange: Exchange) -> None:
        """The answer is whole, whether or not the client is still there."""
        ...

    def cut(self, exchange: Exchange) -> None:
        """The answer will never be whole."""
        ...


class AnswerLog(Protocol):
    """Sees an answer as it is sent."""

    def head(self, status: int, headers: Headers) -> None:
        """The head."""
        ...

    def piece(self, body: bytes) -> None:
        """A piece of the body, or all of it."""
        ...


class Exchange:
    """A request and its answer.

    Args:
        peer: where the answer goes.
        path: canonical.
        lines: the headers of the request as they came, names in lower case.
        may_persist: whether the connection may be used again after the answer.
        may_chunk: whether the client knows chunks, as HTTP/1.0 does not.
    """

    __slots__ = (
        "_may_chunk", "_peer", "answer_log", "caller", "family", "has_ended", "has_started",
        "headers", "is_gone", "is_silent", "key_digest", "lines", "may_persist", "on_hangup",
        "on_room", "path", "request_id", "started_s", "status",
    )  # fmt: skip

    def __init__(
        self,
        peer: Peer,
        path: str,
        lines: Headers,
        *,
        may_persist: bool,
        may_chunk: bool,
    ) -> None:
        self._peer = peer
        self._may_chunk = may_chunk
        self.path = path
        self.lines = lines
        self.headers = dict(lines)
        "By name; of several with one name, the last."
        self.may_persist = may_persist
        self.request_id = new_uuid()
        self.family = family_of(path)
        self.started_s = perf_counter()
        self.has_started = False
        self.has_ended = False
        self.is_gone = False
        "Whether the client has closed the connection."
        self.is_silent = False
        "Whether nothing that was said may be logged, not even in the text of a fault."
        self.on_hangup: Callable[[], None] | None = None
        "Called when the client leaves before the answer ended."
        self.on_room: Callable[[], None] | None = None
        "Called when the client takes more, after `is_full`."
        self.answer_log: AnswerLog | None = None
        self.status = 0
        self.key_digest = b""
        self.caller: Caller

    def header(self, name: bytes) -> str | None:
        """The value of a request header, by its lower-case name."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def peer_host(self) -> str | None:
        """The address that the connection comes from."""
        client = self._peer.client
        return None if client is None else client[0]

    @property
    def local_port(self) -> int:
        """The port that the connection came to; 0 where there is none."""
        server = self._peer.server
        return 0 if server is None else server[1] or 0

    @property
    def is_tls(self) -> bool:
        """Whether the connection speaks TLS."""
        return self._peer.scheme == "https"

    @property
    def is_full(self) -> bool:
        """Whether the client takes less than was written; `on_room` tells when it goes on."""
        return self._peer.is_full

    def start(self, status: int, headers: Headers) -> None:
        """Send the head of an answer that comes in pieces."""
        framing = b"transfer-encoding: chunked\r\n\r\n" if self._may_chunk else b"\r\n"
        self._send(self._head(status, headers) + framing)

    def write(self, body: bytes) -> None:
        """Send a piece of the body, after `start`."""
        if not body:
            return
        if self.answer_log is not None:
            self.answer_log.piece(body)
        if not self.is_gone:
            self._peer.write(b"%x\r\n%b\r\n" % (len(body), body) if self._may_chunk else body)

    def end(self, body: bytes) -> None:
        """Send the last piece of the body, which is not empty, after `start`."""
        if self.answer_log is not None:
            self.answer_log.piece(body)
        self._send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if self._may_chunk else body)
        self._end()

    def respond(self, status: int, body: bytes, headers: Headers) -> None:
        """Send a whole answer."""
        head = self._head(status, headers)
        if self.answer_log is not None:
            self.answer_log.piece(body)
        self._send(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body))
        self._end()

    def respond_error(self, error: ApiError) -> None:
        """Send an error in the shape of the route's family."""
        body = error_body(error, self.request_id, self.family)
        headers = [JSON, *error_headers(error)]
        if self.family is Family.ANTHROPIC:  # where its clients look
            headers.append((b"request-id", self.request_id.encode()))
        self.respond(error.status, body, headers)

    def fail(self, error: Exception) -> None:
        """Answer with an error; when the answer has begun, close, which is all that can be said."""
        told = self.told(error)
        if self.has_started:
            self.cut()
        else:
            self.respond_error(told)

    def told(self, error: Exception) -> ApiError:
        """What the client learns of an error; a fault of ours is logged and becomes a 500."""
        if isinstance(error, ApiError):
            return error
        if self.is_silent:
            # Where it broke, without the fault's own words: they may be the client's.
            kind, where = type(error).__name__, "".join(traceback.format_tb(error.__traceback__))
            log.error("Request %s to %s failed: %s\n%s", self.request_id, self.path, kind, where)
        else:
            log.error("Request %s to %s failed.", self.request_id, self.path, exc_info=error)
        return InternalError("Something broke inside Hearth.")

    def cut(self) -> None:
        """Close the connection if the answer has not ended."""
        if not self.has_ended:
            self.has_ended = True
            self._peer.cut(self)

    def _head(self, status: int, headers: Headers) -> bytes:
        """The head without what frames the body, and without its end."""
        self.has_started = True
        self.status = status
        if self.answer_log is not None:
            self.answer_log.head(status, headers)
        request_id = self.request_id.encode()
        lines = [b"%b: %b\r\n" % header for header in headers]
        end = b"" if self.may_persist else b"connection: close\r\n"
        return b"%b%bx-request-id: %b\r\nx-fireworks-request-id: %b\r\n%b" % (
            _STATUS_LINES[status], b"".join(lines), request_id, request_id, end
        )  # fmt: skip

    def _send(self, data: bytes) -> None:
        if not self.is_gone:
            self._peer.write(data)

    def _end(self) -> None:
        self.has_ended = True
        self._peer.answered(self)
