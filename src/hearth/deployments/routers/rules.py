"""What a router must be: deployments of its account that are there and serve one model."""

from __future__ import annotations

from math import isfinite

from msgspec.structs import replace

from hearth.deployments import store
from hearth.deployments.routers.types import ROUTER_KIND, EvenLoad, Router, WeightedRandom
from hearth.deployments.rules import DEPLOYMENT_KIND
from hearth.deployments.types import Deployment
from hearth.errors import InvalidRequest
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Connection
from hearth.kit.ids import check_resource_id
from hearth.kit.names import resolve_name
from hearth.kit.versions import bump
from hearth.resources import Asking, Documents, Draft, FreeRules, Stored


class RouterRules(FreeRules[Router]):
    """Checks routers, writes names in full, and tells gateways of every change."""

    def __init__(self, clock: Clock = utc_now) -> None:
        self._deployments = Documents(DEPLOYMENT_KIND, clock)
        self._routers = Documents(ROUTER_KIND, clock)

    async def creating(
        self, conn: Connection, draft: Draft[Router], asking: Asking
    ) -> Draft[Router]:
        """See `Rules`."""
        return await self._checked(conn, draft)

    async def updating(
        self, conn: Connection, before: Stored[Router], after: Draft[Router], asking: Asking
    ) -> Draft[Router]:
        """See `Rules`; naming one strategy ends the other."""
        was, router = before.resource, after.resource
        if was.even_load is None and router.even_load is not None:
            told = router.weighted_random
            told = None if told == was.weighted_random else told
            router = replace(router, weighted_random=told)
        elif was.weighted_random is None and router.weighted_random is not None:
            router = replace(router, even_load=None)
        if was.model == router.model and was.deployments != router.deployments:
            router = replace(router, model="")
        return await self._checked(conn, Draft(resource=router, internal=after.internal))

    async def deleting(
        self, conn: Connection, stored: Stored[Router], asking: Asking
    ) -> Draft[Router]:
        """See `Rules`."""
        await bump(conn, store.DEPLOYMENTS)
        return await super().deleting(conn, stored, asking)

    async def _checked(self, conn: Connection, draft: Draft[Router]) -> Draft[Router]:
        router = draft.resource
        deployments = await self._read_deployments(conn, router)
        model = _one_model(router, deployments)
        names = [each.name for each in deployments]
        router = replace(router, deployments=names, model=model)
        router = _with_strategy(router)
        await self._check_aliases(conn, router)
        await bump(conn, store.DEPLOYMENTS)
        return Draft(resource=router, internal=draft.internal)

    async def _read_deployments(self, conn: Connection, router: Router) -> list[Deployment]:
        if not router.deployments:
            raise InvalidRequest(
                "deployments: name at least one deployment of this account.", param="deployments"
            )
        found: dict[str, Deployment] = {}
        for text in router.deployments:
            name = _full(text, router, param="deployments")
            stored = await self._deployments.find(conn, name)
            if stored is None or stored.delete_time is not None:
                end = "" if stored is None else " any more: it was deleted"
                raise InvalidRequest(
                    f"deployments: there is no deployment {name}{end}; list the deployments to see "
                    "which there are.",
                    param="deployments",
                )
            if stored.resource.vpc is not None:
                raise InvalidRequest(
                    f"deployments: {name} is private and answers at its own endpoint only; leave "
                    "it out.",
                    param="deployments",
                )
            if name in found:
                raise InvalidRequest(f"deployments: {name} is named twice.", param="deployments")
            found[name] = stored.resource
        return list(found.values())

    async def _check_aliases(self, conn: Connection, router: Router) -> None:
        parent = router.name.rpartition("/routers/")[0]
        for alias in router.aliases:
            check_resource_id(alias, param="aliases")
        taken = {
            alias: each.name
            for each in await self._routers.every(conn)
            if each.name != router.name and each.name.startswith(f"{parent}/")
            for alias in each.resource.aliases
        }
        for alias in router.aliases:
            if alias in taken:
                raise InvalidRequest(
                    f"aliases: {alias} is one of {taken[alias]} already; choose another.",
                    param="aliases",
                )


async def in_use(conn: Connection, deployment: str) -> str | None:
    """Which router sends requests to a deployment, as a sentence: see `Parts.users`."""
    for each in await Documents(ROUTER_KIND).every(conn):
        if deployment in each.resource.deployments:
            return f"The router {each.name} sends requests to it."
    return None


def _full(text: str, router: Router, *, param: str) -> str:
    """The full name of a deployment, which must lie in the router's account."""
    account_id = router.name.split("/")[1]
    name = resolve_name(text, account_id=account_id, collection="deployments", param=param)
    if name.account_id != account_id or len(name.path) != 1:
        raise InvalidRequest(
            f"{param}: {text[:200]!r} is no deployment of accounts/{account_id}, and a router only "
            "has its own account's.",
            param=param,
        )
    return str(name)


def _one_model(router: Router, deployments: list[Deployment]) -> str:
    """What all of them serve."""
    first = deployments[0]
    for each in deployments:
        if each.base_model != first.base_model:
            raise InvalidRequest(
                f"deployments: {first.name} serves {first.base_model} and {each.name} serves "
                f"{each.base_model}; those of one router serve the same model.",
                param="deployments",
            )
    asked, model = router.model, first.base_model
    if asked and asked != model and asked != model.rpartition("/")[2]:
        raise InvalidRequest(
            f"model: it is {asked!r}, and the deployments serve {model}; leave it out, or choose "
            "other deployments.",
            param="model",
        )
    return model


def _with_strategy(router: Router) -> Router:
    """The router with one strategy, its weights by full names."""
    if router.even_load is not None:
        if router.weighted_random is not None:
            raise InvalidRequest(
                "evenLoad: choose it or weightedRandom, not both.", param="evenLoad"
            )
        return replace(router, even_load=EvenLoad())
    told = router.weighted_random or WeightedRandom()
    weights = {
        _full(text, router, param="weightedRandom.weights"): weight
        for text, weight in told.weights.items()
    }
    if weights:
        _check_weights(router, weights)
    return replace(router, weighted_random=WeightedRandom(weights=weights))


def _check_weights(router: Router, weights: dict[str, float]) -> None:
    strangers = sorted(weights.keys() - set(router.deployments))
    missing = [name for name in router.deployments if name not in weights]
    if strangers or missing:
        fault = (
            f"{strangers[0]} is none of its deployments"
            if strangers
            else (f"{missing[0]} has none")
        )
        raise InvalidRequest(
            f"weightedRandom.weights: {fault}; give each deployment a weight, 0 for no requests.",
            param="weightedRandom.weights",
        )
    is_sound = all(isfinite(weight) and weight >= 0 for weight in weights.values())
    if not is_sound or not sum(weights.values()):
        raise InvalidRequest(
            "weightedRandom.weights: weights are numbers from 0 on, and not all of them 0.",
            param="weightedRandom.weights",
        )
