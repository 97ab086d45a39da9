"""`accounts/{account}/routers`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.routing import Route

from hearth.accounts import Caller, Door, Permission
from hearth.deployments.routers.rules import RouterRules
from hearth.deployments.routers.types import ROUTER_KIND
from hearth.kit.db import Database
from hearth.resources import ResourceRoutes, Resources


def router_routes(
    db: Database,
    caller_of: Callable[[Request], Caller],
    changed: Callable[[], None] | None = None,
) -> Sequence[Route]:
    """Create, list, get, update and delete routers.

    Args:
        db: where they are.
        caller_of: authenticates a request.
        changed: told after each change, so that this process routes by it at once.
    """
    routers = Resources(db, ROUTER_KIND, RouterRules())
    routes = ResourceRoutes(routers, Door(caller_of), writing=Permission.DEPLOY, changed=changed)
    return routes.routes()
