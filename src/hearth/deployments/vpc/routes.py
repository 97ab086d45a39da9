"""Security groups, and the network policy of a deployment, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearth.accounts import Door, Permission
from hearth.deployments.vpc.network_policy import network_policy, to_yaml
from hearth.deployments.vpc.service import PrivateNetworks
from hearth.resources import DescribedRoute, ResourceRoutes, answer

YAML = "application/yaml"


def vpc_routes(
    networks: PrivateNetworks, door: Door[Request], changed: Callable[[], None]
) -> Sequence[Route]:
    """All of them.

    Args:
        networks: the service.
        door: lets callers in.
        changed: told after each change of a group, so that this gateway keeps to it at once.
    """

    async def show_policy(request: Request) -> Response:
        """Show a private deployment's networks as a Kubernetes NetworkPolicy."""
        door.require(request, Permission.READ)
        account_id = request.path_params["account_id"]
        name = f"accounts/{account_id}/deployments/{request.path_params['resource_id']}"
        deployment, cidrs, port = await networks.of(name)
        policy = network_policy(deployment, cidrs, port=port)
        if "yaml" in request.headers.get("accept", ""):
            return Response(to_yaml(policy), media_type=YAML)
        return answer(policy)

    path = "/accounts/{account_id}/deployments/{resource_id}:networkPolicy"
    summary = "Show a private deployment's networks as a Kubernetes NetworkPolicy."
    groups = ResourceRoutes(networks.groups, door, writing=Permission.ADMIN, changed=changed)
    return [DescribedRoute(path, show_policy, "GET", summary), *groups.routes()]
