"""`accounts/{account}/routers`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.routing import Route

from hearth.accounts import Caller, Door, Permission
from hearth.deployments.routers.types import Router
from hearth.resources import ResourceRoutes, Resources


def router_routes(
    routers: Resources[Router],
    caller_of: Callable[[Request], Caller],
    changed: Callable[[], None] | None = None,
) -> Sequence[Route]:
    """Create, list, get, update and delete routers.

    Args:
        routers: the service.
        caller_of: authenticates a request.
        changed: told after each change, so that this process routes by it at once.
    """
    door = Door(caller_of)
    routes = ResourceRoutes(routers, door, writing=Permission.DEPLOY, changed=changed)
    return routes.routes()
