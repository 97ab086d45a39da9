"""Deployments over HTTP: `/accounts/{account}/deployments`, and their verbs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearth.accounts import Door, Permission
from hearth.deployments.service import DeploymentService
from hearth.kit.bodies import decode_body
from hearth.resources import ResourceRoutes, answer, asking_of, shown


class _Scaling(Struct, rename="camel"):
    replica_count: Annotated[int, Meta(ge=0, le=1_000_000)]


class _Verbs:
    def __init__(
        self, service: DeploymentService, door: Door[Request], changed: Callable[[], None]
    ) -> None:
        self._service = service
        self._door = door
        self._changed = changed

    async def scale(self, request: Request) -> Response:
        """Have so many replicas of a deployment now."""
        visit = self._door.require(request, Permission.DEPLOY)
        count = decode_body(await request.body(), _Scaling).replica_count
        asking = asking_of(request, visit, Permission.DEPLOY)
        await self._service.scale(_name(request), count, asking)
        self._changed()
        return answer({})

    async def metrics(self, request: Request) -> Response:
        """Show what a deployment does now, or did in a time range."""
        self._door.require(request, Permission.READ)
        time_range = request.query_params.get("timeRange", "")
        return answer({"metrics": await self._service.metrics(_name(request), time_range)})

    async def explain(self, request: Request) -> Response:
        """Say why a deployment is where it is, place by place."""
        self._door.require(request, Permission.READ)
        return shown(await self._service.explain(_name(request)), request)

    async def shards(self, request: Request) -> Response:
        """List the replicas of a deployment, as its shards."""
        self._door.require(request, Permission.READ)
        name = _name(request)
        shards = [
            {
                "name": f"{name}/shards/{each.id}",
                "state": _SHARD_STATES.get(each.state, each.state),
                "status": {"code": "OK", "message": each.message},
            }
            for each in await self._service.replicas(name)
        ]
        return answer({"deploymentShards": shards, "nextPageToken": "", "totalSize": len(shards)})

    async def termination_message(self, request: Request) -> Response:
        """Show why a replica of a deployment last ended."""
        self._door.require(request, Permission.READ)
        replicas = await self._service.replicas(_name(request))
        told = [each.message for each in replicas if each.message]
        return answer({"message": told[-1] if told else ""})


_SHARD_STATES = {"STARTING": "CREATING", "DRAINING": "DELETING"}


def _name(request: Request) -> str:
    params = request.path_params
    return f"accounts/{params['account_id']}/deployments/{params['resource_id']}"


def deployment_routes(
    service: DeploymentService, door: Door[Request], changed: Callable[[], None]
) -> Sequence[Route]:
    """Every route of deployments; `changed` is told of each change before it is answered."""
    verbs = _Verbs(service, door, changed)
    one = "/accounts/{account_id}/deployments/{resource_id}"
    common = ResourceRoutes(service.resources, door, writing=Permission.DEPLOY, changed=changed)
    return [
        Route(f"{one}:scale", verbs.scale, methods=["PATCH"]),
        Route(f"{one}:metrics", verbs.metrics, methods=["GET"]),
        Route(f"{one}:explain", verbs.explain, methods=["GET"]),
        Route(f"{one}/shards", verbs.shards, methods=["GET"]),
        Route(f"{one}/terminationMessage", verbs.termination_message, methods=["GET"]),
        *common.routes(),
    ]
