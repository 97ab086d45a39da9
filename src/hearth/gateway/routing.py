"""From the model a caller names to the weights that answer, and what `/models` says of it.

Everything is in memory; `refresh` looks again when something was pulled, attached or detached.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as replace_serving
from typing import Any
from urllib.parse import unquote

from msgspec.structs import replace

from hearth.catalog import (
    Capability,
    CatalogModel,
    ModelType,
    ServedCatalog,
    Serving,
    subject_of,
)
from hearth.errors import ModelNotFound
from hearth.gateway.adapter_routes import AdapterRoute
from hearth.gateway.balancing import Balancer, Turn
from hearth.gateway.dedicated import MARK, DedicatedRoutes
from hearth.gateway.http import Exchange
from hearth.gateway.job import Route
from hearth.gateway.private_endpoints import PrivateEndpoints
from hearth.pricing import Subject, Unit


@dataclass(frozen=True, kw_only=True)
class Named:
    """What names mean beside models.

    Args:
        deployments: all of them, and the adapters on them.
        private: those with an endpoint of their own.
        balancer: the routers before them.
    """

    deployments: DedicatedRoutes
    private: PrivateEndpoints
    balancer: Balancer


class Router:
    """The models that can be named, and how each is served now.

    Args:
        models: all there are, and what is here of them.
        named: what else names lead to.
    """

    def __init__(self, models: ServedCatalog, named: Named) -> None:
        self._models = models
        self._dedicated = named.deployments
        self._adapters = named.deployments.adapters
        self._private = named.private
        self._balancer = named.balancer
        self._version = 0
        self._catalog = models.catalog
        self._servings: dict[str, Serving] = {}
        self._routes: dict[tuple[str, str], Route] = {}
        self.refresh()

    def refresh(self) -> None:
        """Follow what is held here, if it has changed."""
        self._models.refresh()
        if self._models.version == self._version:
            return
        self._catalog = self._models.catalog
        self._servings = {name: _open(each) for name, each in self._models.servings.items()}
        self._routes = {}
        self._version = self._models.version

    def admit(self, exchange: Exchange, name: str, session: str | None = None) -> Route:
        """Where a request for this name goes, from where it comes and by whose key.

        Args:
            session: where the body names one; a router keeps its requests together.

        Raises:
            ModelNotFound: see `route`; on a private endpoint, see `PrivateEndpoints.admit`.
            PermissionDenied: see `PrivateEndpoints.admit`.
        """
        endpoint = self._private.at(exchange)
        account_id = exchange.caller.account_id
        if endpoint is None:
            router = self._balancer.find(name, account_id)
            if router is None:
                return self.route(name, account_id)
            session = exchange.header(b"x-session-affinity") or session
            return self._turned(self._balancer.turn(router, session))
        exchange.is_silent = not endpoint.keeps_content
        model = self._private.admit(exchange, exchange.caller, endpoint, name)
        route = self._dedicated_route(model, account_id, is_private=True)
        return replace(route, mode=endpoint.mode)

    def _turned(self, turn: Turn) -> Route:
        route = self.route(turn.deployment, turn.account_id)
        return replace(route, router=turn.router, left_out=turn.left_out)

    def route(self, name: str, account_id: str) -> Route:
        """Where requests of this account for this name go, on everybody's endpoint.

        Raises:
            ModelNotFound: the details say why, and the remedy.
        """
        route = self._routes.get((account_id, name))
        if route is None:
            route = self._make_route(name, account_id)
            if len(self._routes) > 10_000:  # names come from clients
                self._routes.clear()
            self._routes[account_id, name] = route
        return route

    def forget_routes(self) -> None:
        """Deployments have changed: find every route anew."""
        self._routes = {}

    def _make_route(self, name: str, account_id: str) -> Route:
        self.refresh()
        decoded = unquote(name) if "%" in name else name
        if self._adapters.names_one(decoded):
            return self._adapter_route(self._adapters.find(decoded, account_id))
        if self._dedicated.names_one(decoded):
            return self._dedicated_route(decoded, account_id)
        model = self._catalog.resolve(name, account_id)
        if model is None:
            raise ModelNotFound(self._catalog.why_not(name, account_id))
        if loaded := self._adapters.of_model(model.name, account_id):
            return self._adapter_route(loaded)
        serving = self._served(model, account_id)
        if serving.served_by is None:
            raise ModelNotFound(serving.details)
        return Route(model=model.name, served_by=serving.served_by, subject=subject_of(model))

    def _dedicated_route(self, name: str, account_id: str, *, is_private: bool = False) -> Route:
        found = self._dedicated.find(name, account_id, is_private=is_private)
        model = self._catalog.resolve(found.model, account_id)
        named = name.rpartition(MARK)[0] if MARK in name else ""
        loaded = None if named else self._adapters.merged(found.name)
        if named and (asked := self._catalog.resolve(named, account_id)) is not model:
            loaded = None if asked is None else self._adapters.on(found.name, asked.name)
            if loaded is None:
                told = named[:200] if asked is None else asked.name
                raise ModelNotFound(f"{found.name} serves {found.model}, not {told}.")
        if loaded is not None:
            loaded.check()
        return Route(
            model=found.model if loaded is None else loaded.model,
            served_by=found.served_by,
            subject=Subject() if model is None else subject_of(model),
            deployment=found.name,
            emulated=found.emulated,
            adapter="" if loaded is None else loaded.model,
        )

    def _adapter_route(self, found: AdapterRoute) -> Route:
        """Where an adapter is loaded; it is priced as its base model."""
        if found.deployment:
            name = f"{found.model}{MARK}{found.deployment}"
            return self._dedicated_route(name, found.account_id)
        found.check()
        base = self._catalog.resolve(found.base_model, found.account_id)
        served_by = None if base is None else self._servings[base.name].served_by
        if base is None or served_by is None:
            raise ModelNotFound(f"{found.base_model}, the base model of {found.model}, is gone.")
        return Route(
            model=found.model,
            served_by=served_by,
            subject=subject_of(base),
            adapter=found.model,
        )

    def subject(self, full_name: str, unit: Unit) -> Subject | None:
        """A model as price books see it, counted in a unit; None: it is not known."""
        account_id = full_name.removeprefix("accounts/").partition("/")[0]
        model = self._catalog.resolve(full_name, account_id)
        return None if model is None else subject_of(model, unit)

    def why_not(self, name: str, account_id: str) -> str:
        """Why `describe` found nothing."""
        return self._catalog.why_not(name, account_id)

    def listing(self, account_id: str) -> list[dict[str, Any]]:  # Any: JSON objects
        """Every model the account may name, callable ones first."""
        visible = (
            m for m in self._catalog.models if m.public or m.account in ("fireworks", account_id)
        )
        described = [self._describe(model, account_id) for model in visible]
        return sorted(described, key=lambda each: (not each["callable"], each["id"]))

    def find(self, name: str, account_id: str) -> tuple[CatalogModel, Serving] | None:
        """The model that an account means by a name, and how it is served."""
        model = self._catalog.resolve(name, account_id)
        return None if model is None else (model, self._served(model, account_id))

    def owned_by(self, account_id: str) -> list[tuple[CatalogModel, Serving]]:
        """The models of one account, by id, and how each is served."""
        self.refresh()
        owned = (model for model in self._catalog.models if model.account == account_id)
        by_id = sorted(owned, key=lambda model: model.id)
        return [(model, self._served(model, account_id)) for model in by_id]

    def describe(self, name: str, account_id: str) -> dict[str, Any] | None:
        """One model, by any of its names; a deployment or an adapter on one as what answers there.

        Raises:
            ModelNotFound: such a deployment is not here; the details say why.
        """
        self.refresh()
        model = self._catalog.resolve(name, account_id)
        if model is not None:
            return self._describe(model, account_id)
        decoded = unquote(name)
        if not (self._adapters.names_one(decoded) or self._dedicated.names_one(decoded)):
            return None
        route = self.route(decoded, account_id)
        model = self._catalog.resolve(route.model, account_id)
        if model is None:
            return None
        described = self._describe(model, account_id)
        described.pop("details", None)  # of the model without a deployment
        return described | {"id": decoded, "callable": True, "served_by": route.served_by}

    def _served(self, model: CatalogModel, account_id: str) -> Serving:
        """How a model is served for an account; an adapter as its base model, once it is loaded."""
        if model.type != ModelType.ADAPTER:
            return self._servings[model.name]
        loaded = self._adapters.of_model(model.name, account_id)
        base = None if loaded is None else self._servings.get(loaded.base_model)
        if base is not None:
            return replace_serving(base, model=model.name)
        return Serving(
            model=model.name,
            reason=f"{model.name} is an adapter and loaded nowhere.",
            remedy=f"firectl load-lora {model.id}",
        )

    def _describe(self, model: CatalogModel, account_id: str) -> dict[str, Any]:
        serving = self._served(model, account_id)
        described: dict[str, Any] = {
            "id": model.name,
            "object": "model",
            "owned_by": model.account,
            "created": model.created_unix,
            "kind": str(model.kind),
            "supports_chat": Capability.CHAT in model.capabilities,
            "supports_image_input": Capability.IMAGE_INPUT in model.capabilities,
            "supports_tools": Capability.TOOLS in model.capabilities,
            "category": str(model.category),
            "callable": serving.callable,
            "served_by": serving.served_by,
        }
        if model.context_length is not None:  # the 0.x client takes a number or nothing, not null
            described["context_length"] = model.context_length
        if serving.details:
            described["details"] = serving.details
        return described


def _open(serving: Serving) -> Serving:
    """How everybody is served: not by weights that are sealed for deployments under compliance.

    What is meant for such a deployment and sent here by mistake must not be answered, and logged.
    """
    if serving.weights is None or not serving.weights.is_sealed:
        return serving
    return Serving(
        model=serving.model,
        reason=f"The weights of {serving.weights.name} are sealed: only deployments serve them.",
        remedy="firectl list deployments",
    )
