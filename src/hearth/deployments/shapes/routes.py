"""`accounts/{account}/deploymentShapes`, their versions, and which of them match a deployment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearth.accounts import Caller, Door, Permission, Visit, require
from hearth.catalog import PUBLIC_ACCOUNT
from hearth.deployments.shapes.service import ANY, Shapes
from hearth.deployments.shapes.versions import read_change
from hearth.deployments.types import Deployment
from hearth.errors import InvalidRequest, NotFound
from hearth.kit.bodies import decode_body
from hearth.kit.pages import list_query
from hearth.resources import (
    DescribedRoute,
    ResourceRoutes,
    answer,
    asking_of,
    json_body,
    listing,
    shown,
)

_VERSIONS = "deploymentShapeVersions"


class _CreateDeploymentRequest(Struct, frozen=True, kw_only=True):
    parent: str = ""
    deployment: Deployment = Deployment()


class _MatchRequest(Struct, frozen=True, kw_only=True, rename="camel"):
    create_deployment_request: _CreateDeploymentRequest


class ShapeRoutes:
    """The handlers; the catalogue's account may be read by everyone.

    Args:
        shapes: the service.
        caller_of: authenticates a request.
    """

    def __init__(self, shapes: Shapes, caller_of: Callable[[Request], Caller]) -> None:
        self._shapes = shapes
        self._caller_of = caller_of
        self._door = Door(caller_of)
        self._own = ResourceRoutes(shapes.own, self._door, writing=Permission.DEPLOY)

    def routes(self) -> Sequence[Route]:
        """All of them."""
        account = "/accounts/{account_id}"
        shapes = f"{account}/deploymentShapes"
        one = f"{shapes}/{{resource_id}}"
        versions = f"{one}/versions"
        version = f"{versions}/{{version_id}}"
        match = "Find the deployment shape versions that a deployment can be made with."
        return [
            DescribedRoute(f"{account}/{_VERSIONS}:match", self.match, "POST", match),
            DescribedRoute(
                f"{account}/{_VERSIONS}", self.list_versions, "GET", "List versions of all shapes."
            ),
            DescribedRoute(shapes, self._own.create, "POST", "Create a deployment shape."),
            DescribedRoute(shapes, self.list, "GET", "List deployment shapes."),
            DescribedRoute(one, self.get, "GET", "Get a deployment shape."),
            DescribedRoute(one, self._own.update, "PATCH", "Change a deployment shape."),
            DescribedRoute(one, self._own.delete, "DELETE", "Delete a deployment shape."),
            DescribedRoute(versions, self.list_versions, "GET", "List versions of a shape."),
            DescribedRoute(version, self.get_version, "GET", "Get a version of a shape."),
            DescribedRoute(
                version, self.update_version, "PATCH", "Validate or publish a version of a shape."
            ),
        ]

    async def list(self, request: Request) -> Response:
        """List shapes."""
        account_id = self._reader(request).account_id
        target = request.query_params.get("targetModel", "")
        query = list_query(request.query_params)
        page = await self._shapes.list(account_id, query, target_model=target)
        return listing("deploymentShapes", page, request)

    async def get(self, request: Request) -> Response:
        """Get a shape; `skipShapeValidation` is let pass, since reading validates nothing."""
        account_id = self._reader(request).account_id
        shape = await self._shapes.get(account_id, request.path_params["resource_id"])
        return shown(shape, request)

    async def list_versions(self, request: Request) -> Response:
        """List versions of a shape, or of all."""
        page = await self._shapes.versions(
            self._reader(request).account_id,
            request.path_params.get("resource_id", ANY),
            list_query(request.query_params),
            target_model=request.query_params.get("targetModel", ""),
        )
        return listing(_VERSIONS, page, request)

    async def get_version(self, request: Request) -> Response:
        """Get a version, of another account too if it is public."""
        caller = self._caller_of(request)
        require(caller, Permission.READ)
        names = request.path_params
        version = await self._shapes.version(
            names["account_id"],
            names["resource_id"],
            names["version_id"],
            reader=caller.account_id,
        )
        return shown(version, request)

    async def update_version(self, request: Request) -> Response:
        """Change the flags of a version."""
        visit = self._door.require(request, Permission.DEPLOY)
        names = request.path_params
        shape = self._shapes.own.name_of(f"accounts/{visit.account_id}", names["resource_id"])
        version = await self._shapes.change_version(
            f"{shape}/versions/{names['version_id']}",
            read_change(await json_body(request)),
            asking_of(request, visit, Permission.DEPLOY),
        )
        return shown(version, request)

    async def match(self, request: Request) -> Response:
        """Find the versions that suit a deployment."""
        account_id = self._door.visit(request).account_id
        asked = decode_body(await request.body(), _MatchRequest).create_deployment_request
        if asked.parent not in {"", f"accounts/{account_id}"}:
            raise InvalidRequest(
                f"parent: {asked.parent[:200]!r} is not accounts/{account_id}, which the path "
                "names.",
                param="createDeploymentRequest.parent",
            )
        found = await self._shapes.match(account_id, asked.deployment)
        return answer({_VERSIONS: found, "nextPageToken": "", "totalSize": len(found)})

    def _reader(self, request: Request) -> Visit:
        """Who reads an account's shapes: its own, or the catalogue's."""
        caller = self._caller_of(request)
        account_id = request.path_params["account_id"]
        if account_id not in {PUBLIC_ACCOUNT, caller.account_id}:
            raise NotFound(f"There is no account {account_id[:80]!r}.")
        require(caller, Permission.READ)
        return Visit(caller, account_id)
