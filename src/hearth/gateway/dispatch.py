"""Inference POSTs go straight to their handler; the rest, as ASGI, to Starlette.

Any base URL that a client pastes works: `^(/inference)?(/v1)+` is stripped to one canonical path,
for both planes.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol
from urllib.parse import unquote

import httptools

from hearth.accounts import Caller, Permission, credential, digest, require
from hearth.errors import ApiError, MethodNotAllowed
from hearth.gateway.error_shapes import error_body, family_of
from hearth.gateway.http import JSON, Exchange, Receive, Scope, Send
from hearth.gateway.metrics import Metrics
from hearth.gateway.request_log import RequestLog
from hearth.kit.ids import new_uuid

_PREFIX = re.compile(r"(?:/inference)?(?:/v1)+(?=/|$)|/inference(?=/|$)")

MAX_KNOWN, KNOWN_BYTES = 256, 256  # the targets of hot routes that clients really use are few

Handler = Callable[[Exchange, bytes], Coroutine[Any, Any, None] | None]
"""Sees that an exchange is answered, now or later; returns a coroutine where that has to wait.

A task for every request costs a tenth of it, so the routes that matter most need none.
"""
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Authenticator(Protocol):
    """Knows who has which key."""

    def caller(self, key_digest: bytes) -> Caller:
        """Whom the key with this digest stands for; raises `Unauthenticated`."""
        ...


def canonical_path(path: str) -> str:
    """The path under which a route is known, whatever base URL the client was given."""
    match = _PREFIX.match(path)
    return path if match is None else path[match.end() :] or "/"


@dataclass(frozen=True, kw_only=True)
class Edge:
    """What every hot request passes, whichever its route."""

    keys: Authenticator
    max_body_bytes: int
    metrics: Metrics
    request_log: RequestLog


def _path_of(target: bytes) -> str:
    """The canonical path of a request's target; empty if it has none."""
    try:
        raw_path: bytes = httptools.parse_url(target).path or b""
    except httptools.HttpParserInvalidURLError:
        return ""
    return canonical_path(unquote(raw_path.decode("latin-1")))


class Dispatcher:
    """Routes by canonical path, authenticates, renders errors.

    Args:
        hot: handlers of the inference POSTs, by canonical path.
        cold: the Starlette application for everything else.
        edge: what every hot request passes.
        shared: hot paths whose other methods are cold.
    """

    def __init__(
        self, hot: dict[str, Handler], cold: App, edge: Edge, shared: frozenset[str] = frozenset()
    ) -> None:
        self._hot = hot
        self._shared = shared
        self._cold = cold
        self._edge = edge
        self._known: dict[bytes, str] = {}

    @property
    def max_body_bytes(self) -> int:
        """See `HotPlane`."""
        return self._edge.max_body_bytes

    def path_of(self, url: bytes) -> str | None:
        """See `HotPlane`."""
        path = self._known.get(url)
        if path is None and (found := _path_of(url)) in self._hot:
            path = found
            if len(self._known) < MAX_KNOWN and len(url) <= KNOWN_BYTES:
                self._known[url] = path
        return path

    def admit(self, exchange: Exchange, before: Exchange | None) -> None:
        """See `HotPlane`; a key that came on this connection before need not be hashed again."""
        keys, bearer = self._edge.keys, exchange.headers.get(b"authorization")
        if before is not None and bearer == before.headers.get(b"authorization"):
            exchange.key_digest = before.key_digest
        if not bearer or not exchange.key_digest:
            exchange.key_digest = digest(credential(exchange.headers))
        caller = exchange.caller = keys.caller(exchange.key_digest)
        if not caller.may_infer:
            require(caller, Permission.INFER)  # says who may

    def refuse(self, exchange: Exchange, error: ApiError) -> None:
        """See `HotPlane`."""
        exchange.respond_error(error)

    def serve(self, exchange: Exchange, body: bytes) -> asyncio.Task[None] | None:
        """See `HotPlane`."""
        try:
            self._edge.request_log.request(exchange, body)
            waiting = self._hot[exchange.path](exchange, body)
        except Exception as error:  # noqa: BLE001  the edge: a fault of ours becomes a 500
            exchange.fail(error)
            return None
        return None if waiting is None else asyncio.create_task(_see_through(exchange, waiting))

    def ended(self, exchange: Exchange) -> None:
        """See `HotPlane`."""
        self._edge.metrics.count_request(exchange.path, exchange.status)
        self._edge.request_log.answered(exchange, perf_counter() - exchange.started_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is not a hot request; see ASGI."""
        if scope["type"] in ("http", "websocket"):
            scope["path"] = path = canonical_path(scope["path"])
            is_hot = path in self._hot and path not in self._shared
            if is_hot and scope["type"] == "http":
                await self._refuse_method(path, send)
                return
        await self._cold(scope, receive, send)

    async def _refuse_method(self, path: str, send: Send) -> None:
        error, request_id = MethodNotAllowed(f"Send {path} a POST."), new_uuid()
        body = error_body(error, request_id, family_of(path))
        headers = [
            JSON,
            (b"allow", b"POST"),
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", request_id.encode()),
            (b"x-fireworks-request-id", request_id.encode()),
        ]
        await send({"type": "http.response.start", "status": error.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        self._edge.metrics.count_request(path, error.status)


async def _see_through(exchange: Exchange, waiting: Coroutine[Any, Any, None]) -> None:
    try:
        await waiting
    except Exception as error:  # noqa: BLE001  the edge: a fault of ours becomes a 500
        exchange.fail(error)
    except asyncio.CancelledError:  # the server stops
        exchange.cut()
        raise
