"""The routes that are not hot: models, health, metrics. Starlette serves them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearth.accounts import Caller
from hearth.errors import ModelNotFound
from hearth.gateway.metrics import Metrics
from hearth.gateway.routing import Router

CallerOf = Callable[[Request], Caller]


class Readiness(Protocol):
    """Knows whether requests can be served."""

    def not_ready(self) -> str | None:
        """Why not, or None."""
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

    return [Route("/models", list_models), Route("/models/{name:path}", get_model)]


def health_routes(readiness: Readiness, metrics: Metrics) -> list[Route]:
    """GET /healthz, /readyz and /metrics; they need no key."""
    registry = CollectorRegistry()
    registry.register(metrics)

    async def healthz(_: Request) -> Response:
        """Answer that the process lives."""
        return _json({"status": "ok"})

    async def readyz(_: Request) -> Response:
        """Answer whether inference requests can be served now."""
        reason = readiness.not_ready()
        if reason is None:
            return _json({"status": "ready"})
        return _json({"status": "not ready", "reason": reason}, status=503)

    async def show_metrics(_: Request) -> Response:
        """Expose the Prometheus series."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", show_metrics),
    ]


def _json(content: object, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status_code=status, media_type="application/json")
