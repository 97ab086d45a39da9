"""One HTTP exchange on raw ASGI: read a bounded body, answer once.

Requests of the hot path never see Starlette; this is all they need of a framework.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any

from hearth.accounts import Caller
from hearth.errors import ApiError, InvalidRequest, PayloadTooLarge, RequestTimeout
from hearth.gateway.error_shapes import Family, Headers, error_body, error_headers

Message = MutableMapping[str, Any]  # Any: ASGI's own types
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON = (b"content-type", b"application/json")
EVENT_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")


class BodyLimits:
    """How large a body may be and how long it may take to arrive."""

    def __init__(self, *, max_bytes: int, timeout_s: float) -> None:
        self.max_bytes = max_bytes
        self.timeout_s = timeout_s


class Exchange:
    """A request and its answer."""

    __slots__ = (
        "_is_late", "caller", "family", "has_started", "headers", "path", "receive", "request_id",
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
        self.has_started = False
        self._is_late = False
        self.status = 0
        self.caller: Caller

    def header(self, name: bytes) -> str | None:
        """The value of a request header, by its lower-case name."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return None

    async def body(self, limits: BodyLimits) -> bytes:
        """Read the whole body.

        Raises:
            PayloadTooLarge: it is over the limit; no more of it is read.
            RequestTimeout: it did not arrive in time.
        """
        task = asyncio.current_task()
        assert task is not None
        timer = asyncio.get_running_loop().call_later(limits.timeout_s, self._give_up, task)
        try:
            return await self._read(limits)
        except asyncio.CancelledError:  # by the timer, which is cheaper than `asyncio.timeout`
            if not self._is_late:
                raise
            task.uncancel()
            raise RequestTimeout(
                f"The body did not arrive within {limits.timeout_s:.0f} seconds."
            ) from None
        finally:
            timer.cancel()

    def _give_up(self, task: asyncio.Task[Any]) -> None:
        self._is_late = True
        task.cancel()

    async def _read(self, limits: BodyLimits) -> bytes:
        message = await self.receive()
        if not message.get("more_body", False) and message["type"] == "http.request":
            body: bytes = message["body"]  # almost always the whole of it
            if len(body) > limits.max_bytes:
                raise _too_large(limits)
            return body
        pieces, size = [], 0
        while True:
            if message["type"] == "http.disconnect":
                raise InvalidRequest("The body ended before its announced length.")
            pieces.append(message["body"])
            size += len(message["body"])
            if size > limits.max_bytes:
                raise _too_large(limits)
            if not message.get("more_body", False):
                return b"".join(pieces)
            message = await self.receive()

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head of the answer."""
        self.has_started = True
        self.status = status
        request_id = self.request_id.encode()
        headers.append((b"x-request-id", request_id))
        headers.append((b"x-fireworks-request-id", request_id))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, body: bytes, *, more: bool = False) -> None:
        """Send a piece of the body; `more` says that it goes on."""
        await self.send({"type": "http.response.body", "body": body, "more_body": more})

    async def respond(self, status: int, body: bytes, headers: Headers) -> None:
        """Send a whole answer."""
        headers.append((b"content-length", b"%d" % len(body)))
        await self.start(status, headers)
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    async def respond_error(self, error: ApiError) -> None:
        """Send an error in the shape of the route's family."""
        headers = [JSON, *error_headers(error)]
        if error.status in (408, 413):
            headers.append((b"connection", b"close"))  # the rest of the body is not read
        await self.respond(error.status, error_body(error, self.request_id, self.family), headers)


def _too_large(limits: BodyLimits) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is larger than {limits.max_bytes} bytes.")
