"""One HTTP exchange on raw ASGI: read a bounded body, answer once.

Requests of the hot path never see Starlette; this is all they need of a framework.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any, Protocol

from hearth.accounts import Caller
from hearth.errors import ApiError, InvalidRequest, PayloadTooLarge
from hearth.gateway.error_shapes import Family, Headers, error_body, error_headers

Message = MutableMapping[str, Any]  # Any: ASGI's own types
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON = (b"content-type", b"application/json")
EVENT_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")


class Direct(Protocol):
    """A way past ASGI's messages that our own server offers; see `server.DirectAnswer`."""

    async def writable(self) -> None:
        """Wait while the client takes less than was written."""
        ...

    def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """Send head and body at once."""
        ...

    def start(self, status: int, headers: Headers) -> None:
        """Send the head of a body that comes in chunks."""
        ...

    def chunk(self, body: bytes, *, is_last: bool) -> None:
        """Send a piece."""
        ...


DIRECT = "hearth.direct"
"Where the scope of a request holds its `Direct`, if the server has one."


class Exchange:
    """A request and its answer."""

    __slots__ = (
        "_direct", "caller", "family", "has_started", "headers", "path", "receive", "request_id",
        "scope", "send", "started_s", "status",
    )  # fmt: skip

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, *, request_id: str, family: Family
    ) -> None:
        self.scope = scope
        self.path: str = scope["path"]
        self.receive = receive
        self.send = send
        self.request_id = request_id
        self.family = family
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.started_s = perf_counter()
        self._direct: Direct | None = scope.get(DIRECT)
        self.has_started = False
        self.status = 0
        self.caller: Caller

    def header(self, name: bytes) -> str | None:
        """The value of a request header, by its lower-case name."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return None

    def send_through(self, send: Send) -> None:
        """Let every message of the answer pass through `send`."""
        self.send = send
        self._direct = None

    async def body(self, max_bytes: int) -> bytes:
        """Read the whole body.

        Raises:
            PayloadTooLarge: it is over the limit; no more of it is read.
            InvalidRequest: it ended early; the server has cut a client that was too slow.
        """
        message = await self.receive()
        if not message.get("more_body", False) and message["type"] == "http.request":
            body: bytes = message["body"]  # almost always the whole of it
            if len(body) > max_bytes:
                raise _too_large(max_bytes)
            return body
        pieces, size = [], 0
        while True:
            if message["type"] == "http.disconnect":
                raise InvalidRequest("The body ended before its announced length.")
            pieces.append(message["body"])
            size += len(message["body"])
            if size > max_bytes:
                raise _too_large(max_bytes)
            if not message.get("more_body", False):
                return b"".join(pieces)
            message = await self.receive()

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head of an answer that comes in pieces."""
        self._begin(status, headers)
        if self._direct is not None:
            self._direct.start(status, headers)
        else:
            await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, body: bytes, *, more: bool = False) -> None:
        """Send a piece of the body; `more` says that it goes on."""
        if self._direct is None:
            await self.send({"type": "http.response.body", "body": body, "more_body": more})
            return
        await self._direct.writable()
        if body or not more:
            self._direct.chunk(body, is_last=not more)

    async def respond(self, status: int, body: bytes, headers: Headers) -> None:
        """Send a whole answer."""
        self._begin(status, headers)
        if self._direct is not None:
            self._direct.whole(status, headers, body)
            return
        headers.append((b"content-length", b"%d" % len(body)))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    def _begin(self, status: int, headers: Headers) -> None:
        self.has_started = True
        self.status = status
        request_id = self.request_id.encode()
        headers.append((b"x-request-id", request_id))
        headers.append((b"x-fireworks-request-id", request_id))

    async def respond_error(self, error: ApiError) -> None:
        """Send an error in the shape of the route's family."""
        headers = [JSON, *error_headers(error)]
        if error.status in (408, 413):
            headers.append((b"connection", b"close"))  # the rest of the body is not read
        await self.respond(error.status, error_body(error, self.request_id, self.family), headers)


def _too_large(max_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is larger than {max_bytes} bytes.")
