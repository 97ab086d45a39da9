"""The Starlette application behind the dispatcher: keys, errors and ids as on the hot path."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearth.accounts import Caller, credential, digest
from hearth.errors import (
    ApiError,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    PathNotFound,
)
from hearth.gateway.dispatch import Authenticator
from hearth.gateway.error_shapes import error_body, error_headers, family_of
from hearth.gateway.http import Message, Receive, Scope, Send
from hearth.gateway.metrics import Metrics
from hearth.kit.ids import new_uuid

log = logging.getLogger(__name__)


def caller_of(keys: Authenticator, request: Request) -> Caller:
    """The owner of the request's key.

    Raises:
        Unauthenticated: there is none.
    """
    return keys.caller(digest(credential(dict(request.scope["headers"]))))


class ColdApp:
    """Serves every route that is not hot."""

    def __init__(self, routes: Sequence[Route], metrics: Metrics) -> None:
        self._metrics = metrics
        self._starlette = Starlette(
            routes=routes,
            exception_handlers={
                ApiError: _render,
                HTTPException: _render_http,
                Exception: _render_fault,
            },
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI; every answer carries the request's id."""
        request_id = new_uuid()
        scope.setdefault("state", {})["request_id"] = request_id
        encoded = request_id.encode()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", encoded),
                    (b"x-fireworks-request-id", encoded),
                ]
                self._metrics.count_request(_label(scope), message["status"])
            await send(message)

        error = _nul(scope)
        app = await _render(Request(scope), error) if error else self._starlette
        await app(scope, receive, send_with_id)


def _nul(scope: Scope) -> ApiError | None:
    """What is wrong with a path or query that holds a NUL, which PostgreSQL refuses to look for."""
    if "\0" in scope["path"]:
        return PathNotFound("Path not found: it holds a NUL character.")
    query: bytes = scope.get("query_string", b"")
    if b"%00" in query:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        name = next((name for name, value in pairs if "\0" in value), None)
        return InvalidRequest("The query may not hold a NUL character.", param=name)
    return None


def _label(scope: Scope) -> str:
    """The route's pattern: a path itself would make a series for every name."""
    route = scope.get("route")
    return route.path if isinstance(route, Route) else "other"


async def _render(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    family = family_of(request.scope["path"])
    body = error_body(error, request.state.request_id, family)
    headers = {name.decode(): value.decode() for name, value in error_headers(error)}
    return Response(body, error.status, headers, media_type="application/json")


async def _render_http(request: Request, error: Exception) -> Response:
    """Starlette's own 404 and 405, as errors of ours."""
    assert isinstance(error, HTTPException)
    path = request.scope["path"]
    ours: ApiError = NotFound(error.detail)
    if error.status_code == 405:
        ours = MethodNotAllowed(f"{path} does not take {request.method}.")
    elif error.status_code == 404:
        ours = PathNotFound(f"Path not found: {path}")
    return await _render(request, ours)


async def _render_fault(request: Request, _: Exception) -> Response:
    log.error("Request %s to %s failed.", request.state.request_id, request.scope["path"])
    return await _render(request, InternalError("Something broke inside Hearth."))
