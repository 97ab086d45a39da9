"""`accounts/{account}/deployedModels`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.routing import Route

from hearth.accounts import Caller, Door, Permission
from hearth.deployments.deployed_models.service import DeployedModels
from hearth.resources import ResourceRoutes


def deployed_model_routes(
    deployed: DeployedModels,
    caller_of: Callable[[Request], Caller],
    changed: Callable[[], None] | None = None,
) -> Sequence[Route]:
    """Load, list, get, change and unload adapters.

    Args:
        deployed: the service.
        caller_of: authenticates a request.
        changed: told after each change, so that this process acts on it at once.
    """
    door = Door(caller_of)
    routes = ResourceRoutes(deployed, door, writing=Permission.DEPLOY, changed=changed)
    return routes.routes()
