"""The routes that are not hot: models, health, metrics. Starlette serves them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearth.accounts import Caller
from hearth.errors import ModelNotFound
from hearth.gateway.routing import Router

CallerOf = Callable[[Request], Caller]


class Health(Protocol):
    """Knows whether requests can be served, and what to tell of them."""

    def not_ready(self) -> str | None:
        """Why not, or None."""
        ...

    async def metrics_page(self) -> tuple[bytes, str]:
        """The Prometheus page and its content type."""
        ...


def model_routes(router: Router, caller_of: CallerOf) -> list[Route]:
    """GET /models and GET /models/{name}."""

    async def list_models(request: Request) -> Response:
        """List every model the caller may name, and whether it can be called."""
        listed = router.listing(caller_of(request).account_id)
        return _json({"object": "list", "data": listed})

    async def get_model(request: Request) -> Response:
        """Show one model, by any of its names."""
        account_id = caller_of(request).account_id
        name = request.path_params["name"]
        found = router.describe(name, account_id)
        if found is None:
            raise ModelNotFound(router.why_not(name, account_id))
        return _json(found)

    return [
        Route("/models", list_models),
        Route("/models/{name:path}", get_model),
    ]


def health_routes(health: Health) -> list[Route]:
    """GET /healthz, /readyz and /metrics; they need no key."""

    async def healthz(_: Request) -> Response:
        """Answer that the process lives."""
        return _json({"status": "ok"})

    async def readyz(_: Request) -> Response:
        """Answer whether inference requests can be served now."""
        reason = health.not_ready()
        if reason is None:
            return _json({"status": "ready"})
        return _json({"status": "not ready", "reason": reason}, status=503)

    async def show_metrics(_: Request) -> Response:
        """Expose the Prometheus series."""
        page, content_type = await health.metrics_page()
        return Response(page, media_type=content_type)

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", show_metrics),
    ]


def _json(content: object, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status_code=status, media_type="application/json")
