"""`accounts/{account}/regions`: where deployments can run, to read only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearth.accounts import Caller, Door
from hearth.deployments.regions.service import Regions
from hearth.kit.pages import list_query
from hearth.resources import listing, shown


def region_routes(regions: Regions, caller_of: Callable[[Request], Caller]) -> Sequence[Route]:
    """GET /accounts/{account}/regions and GET /accounts/{account}/regions/{region}."""
    door = Door(caller_of)

    async def list_regions(request: Request) -> Response:
        """List the regions that deployments may run in."""
        visit = door.visit(request)
        page = await regions.list(visit.account_id, list_query(request.query_params))
        return listing("regions", page, request)

    async def get_region(request: Request) -> Response:
        """Show one region, by our name or the contract's."""
        visit = door.visit(request)
        region = await regions.get(visit.account_id, request.path_params["region_id"])
        return shown(region, request)

    path = "/accounts/{account_id}/regions"
    return [
        Route(path, list_regions, methods=["GET"]),
        Route(f"{path}/{{region_id}}", get_region, methods=["GET"]),
    ]
