"""The ASGI application: inference POSTs go straight to their handler, the rest to Starlette.

Any base URL that a client pastes works: `^(/inference)?(/v1)+` is stripped to one canonical path,
for both planes.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter
from typing import Protocol

from hearth.accounts import Caller, credential
from hearth.errors import ApiError, InternalError, MethodNotAllowed
from hearth.gateway.error_shapes import Family
from hearth.gateway.http import Exchange, Receive, Scope, Send
from hearth.gateway.metrics import Metrics
from hearth.gateway.request_log import RequestLog
from hearth.kit.ids import new_uuid

log = logging.getLogger(__name__)

_PREFIX = re.compile(r"(?:/inference)?(?:/v1)+(?=/|$)|/inference(?=/|$)")

Handler = Callable[[Exchange, bytes], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Authenticator(Protocol):
    """Knows who has which key."""

    def authenticate(self, raw_key: str | None) -> Caller:
        """Return the caller; raises `Unauthenticated`."""
        ...


@lru_cache(maxsize=1024)
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


class Dispatcher:
    """Routes by canonical path, authenticates, reads the body, renders errors.

    Args:
        hot: handlers of the inference POSTs, by canonical path.
        cold: the Starlette application for everything else.
        edge: what every hot request passes.
    """

    def __init__(self, hot: dict[str, Handler], cold: App, edge: Edge) -> None:
        self._hot = hot
        self._cold = cold
        self._edge = edge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] in ("http", "websocket"):
            scope["path"] = path = canonical_path(scope["path"])
            if (handler := self._hot.get(path)) is not None and scope["type"] == "http":
                exchange = Exchange(
                    scope, receive, send, request_id=new_uuid(), family=Family.INFERENCE
                )
                await self._handle(handler, exchange)
                return
        await self._cold(scope, receive, send)

    async def _handle(self, handler: Handler, exchange: Exchange) -> None:
        edge = self._edge
        try:
            if exchange.scope["method"] != "POST":
                raise MethodNotAllowed(f"Send {exchange.path} a POST.")
            exchange.caller = edge.keys.authenticate(credential(exchange.headers))
            body = await exchange.body(edge.max_body_bytes)
            edge.request_log.request(exchange, body)
            await handler(exchange, body)
        except ApiError as error:
            await exchange.respond_error(error)
        except Exception:  # the edge: a fault of ours becomes a 500 and one line in the log
            log.exception("Request %s to %s failed.", exchange.request_id, exchange.path)
            if exchange.has_started:
                raise  # the server cuts the connection, which is all that can still be said
            await exchange.respond_error(InternalError("Something broke inside Hearth."))
        finally:
            edge.metrics.count_request(exchange.path, exchange.status)
            edge.request_log.answered(exchange, perf_counter() - exchange.started_s)
