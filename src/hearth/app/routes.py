"""Every route of a gateway: the hot ones by canonical path, all others for the cold plane."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from starlette.routing import Route

from hearth import accounts, billing, deployments, models, objects, secrets
from hearth.app.model_parts import make_secrets
from hearth.app.private import PrivateSide
from hearth.gateway.chat import ChatCompletions
from hearth.gateway.cold import caller_of
from hearth.gateway.completions import Completions
from hearth.gateway.dispatch import Handler
from hearth.gateway.embeddings import Embeddings
from hearth.gateway.inference import Inference
from hearth.gateway.messages.create import Messages
from hearth.gateway.openapi import RouteRow, openapi_route, route_rows
from hearth.gateway.rerank import Rerank
from hearth.gateway.responses.archive import Archive
from hearth.gateway.responses.create import Responses
from hearth.gateway.responses.routes import response_routes
from hearth.gateway.routes import Health, health_routes, model_routes
from hearth.gateway.routing import Router
from hearth.kit.db import Database
from hearth.models import Imports
from hearth.settings import Settings

HOT_ROUTES = {
    "/chat/completions": "Answer a conversation with the assistant's next turn.",
    "/completions": "Continue one or more prompts.",
    "/messages": "Answer a conversation as Anthropic's API does.",
    "/responses": "Go on with a conversation that may be kept here.",
    "/embeddings": "Turn inputs into vectors.",
    "/rerank": "Order documents by how well they fit a query.",
}
"""What the dispatcher serves itself, by canonical path."""

BOTH_PLANES = frozenset({"/responses"})
"Hot for POST; other methods of these paths are cold."


@dataclass(frozen=True, kw_only=True)
class Behind:
    """What the routes call."""

    settings: Settings
    router: Router
    archive: Archive
    keys: accounts.KeySnapshot
    accounts: accounts.AccountService
    billing: billing.Billing
    models: models.Models
    imports: Imports
    db: Database
    regions: deployments.Regions
    shapes: deployments.Shapes
    private_networks: deployments.PrivateNetworks
    deployed: deployments.DeployedModels
    deployments: deployments.DeploymentService
    deployments_changed: Callable[[], None]
    limits_changed: Callable[[], Awaitable[None]]
    health: Health


def hot_handlers(behind: Behind, inference: Inference) -> dict[str, Handler]:
    """Who serves which hot path."""
    router, settings = behind.router, behind.settings
    is_strict, may_emulate = settings.strict_fields, settings.profile == "dev"
    return {
        "/chat/completions": ChatCompletions(
            router, inference, is_strict=is_strict, may_emulate=may_emulate
        ),
        "/completions": Completions(router, inference, is_strict=is_strict),
        "/messages": Messages(router, inference, is_strict=is_strict, may_emulate=may_emulate),
        "/responses": Responses(
            router, inference, behind.archive, is_strict=is_strict, may_emulate=may_emulate
        ),
        "/embeddings": Embeddings(router, inference, is_strict=is_strict),
        "/rerank": Rerank(router, inference, is_strict=is_strict),
    }


def cold_routes(behind: Behind) -> list[Route]:
    """Every other route."""
    of = partial(caller_of, behind.keys)
    routes = [
        *model_routes(behind.router, of),
        *response_routes(behind.archive, of),
        *models.model_routes(behind.db, behind.models, behind.imports, of),
        *objects.object_routes(behind.models.around.objects),
        *accounts.routes(behind.accounts, of, behind.keys.refresh),
        *secrets.routes(make_secrets(behind.settings, behind.db), accounts.Door(of)),
        *billing.routes(behind.billing, behind.accounts, of, behind.limits_changed),
        *deployments.vpc_routes(
            behind.private_networks, accounts.Door(of), behind.deployments_changed
        ),
        *deployments.deployment_routes(
            behind.deployments, accounts.Door(of), behind.deployments_changed
        ),
        *deployments.deployed_model_routes(behind.deployed, of, behind.deployments_changed),
        *deployments.region_routes(behind.regions, of),
        *deployments.ShapeRoutes(behind.shapes, of).routes(),
        *deployments.router_routes(behind.db, of, behind.deployments_changed),
        *health_routes(behind.health),
    ]
    is_strict = behind.settings.strict_fields
    return [*routes, openapi_route(route_rows(HOT_ROUTES, routes), is_strict=is_strict)]


def route_table() -> list[RouteRow]:
    """Every route; the reference is made from it."""
    nothing = cast(Any, None)  # Any: the routes are listed, never called
    db = Database("sqlite:////nothing-opens-it")
    behind = Behind(
        settings=Settings(),
        router=nothing,
        archive=nothing,
        keys=accounts.KeySnapshot(db),
        accounts=accounts.AccountService(db),
        billing=billing.Billing(db, nothing, nothing),
        models=models.Models(db, models.Around(shelf=nothing, store=nothing, objects=nothing)),
        imports=nothing,
        db=db,
        deployments=deployments.DeploymentService(db, nothing),
        deployed=deployments.DeployedModels(db, nothing),
        regions=nothing,
        shapes=deployments.Shapes.over(db, deployments.ShapeBook(nothing, nothing)),
        private_networks=PrivateSide(Settings(), db).networks,
        deployments_changed=nothing,
        limits_changed=nothing,
        health=nothing,
    )
    return route_rows(HOT_ROUTES, cold_routes(behind))
