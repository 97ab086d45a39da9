"""Which adapter goes where: what a load request means, checked against what is here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hearth.catalog import (
    ModelStore,
    ServedCatalog,
    ServedModel,
    Weights,
    adapter_for,
    base_named_by,
)
from hearth.deployments.deployed_models.types import DeployedModel
from hearth.deployments.rules import DEPLOYMENT_KIND
from hearth.engines.protocol import Adapter
from hearth.errors import InvalidRequest
from hearth.kit.db import Connection
from hearth.kit.names import resolve_name
from hearth.resources import Documents

BaseOf = Callable[[Connection, str], Awaitable[str]]
"The base model that an adapter says it is for, by their full names; empty: it does not say."

_ENGINES = frozenset({"llamacpp", "native", "fake"})
"Those that load adapters."


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is to be loaded, and where."""

    model: str
    "The adapter's full name."
    weights: Weights
    base: ServedModel
    deployment: str
    "Empty: on the replicas that no deployment owns."

    @property
    def pool(self) -> str:
        """The replicas, by the name they share."""
        return self.deployment or self.base.serving.served_by or self.base.model.name


class Loading:
    """Finds targets, and makes the files that workers load.

    Args:
        models: what can be named, and how it is served.
        store: the weights that are here.
        base_of: see `BaseOf`.
    """

    def __init__(self, models: ServedCatalog, store: ModelStore, base_of: BaseOf) -> None:
        self._models = models
        self._store = store
        self._base_of = base_of
        self._deployments = Documents(DEPLOYMENT_KIND)

    async def target(self, conn: Connection, account_id: str, asked: DeployedModel) -> Target:
        """What a request means.

        Raises:
            InvalidRequest: there is no such adapter or deployment here, or they do not fit.
        """
        self._models.refresh()
        model, weights = self._adapter(asked.model, account_id)
        trained_on = self._known(await self._base_of(conn, model), account_id)
        deployment = ""
        if asked.deployment:
            deployment, served = await self._deployment(conn, asked.deployment, account_id)
            base = self._served(served, account_id, param="deployment")
            if trained_on is not None and trained_on.model.name != base.model.name:
                raise InvalidRequest(
                    f"deployment: {model} is trained on {trained_on.model.name}, and {deployment} "
                    f"serves {base.model.name}; name a deployment of its base model.",
                    param="deployment",
                )
        elif trained_on is not None:
            base = trained_on
        elif (named := self._known(base_named_by(weights), account_id)) is not None:
            base = named
        else:
            raise InvalidRequest(
                f"deployment: {model} does not say which base model it is for. Set its "
                "peftDetails.baseModel, or name a deployment.",
                param="deployment",
            )
        _check_loads(base)
        return Target(model=model, weights=weights, base=base, deployment=deployment)

    def adapter(self, target: Target) -> Adapter:
        """What workers are told to load; the first time it is converted, which takes a while.

        Raises:
            InvalidRequest: it is made for another base, or cannot be served; named.
        """
        serving = target.base.serving
        if serving.engine == "fake":
            return Adapter(name=target.model, digest=target.weights.sha256)
        assert serving.weights is not None, "the engine has weights"
        return adapter_for(target.weights, serving.weights)

    def _adapter(self, name: str, account_id: str) -> tuple[str, Weights]:
        if not name:
            raise InvalidRequest("model: name the adapter to load.", param="model")
        found = self._models.find(name, account_id)
        if found is None:
            raise InvalidRequest(
                f"model: there is no model {name[:200]!r} that can be loaded. "
                f"{self._models.why_not(name, account_id)}",
                param="model",
            )
        model = found.model
        weights = self._store.find(model.name)
        if weights is None or model.type != "adapter":
            fault = "has no weights here" if weights is None else f"is a {model.kind}"
            raise InvalidRequest(
                f"model: {model.name} {fault}; only an adapter (HF_PEFT_ADDON) whose files were "
                "uploaded can be loaded. A model of its own is deployed with a deployment.",
                param="model",
            )
        return model.name, weights

    def _known(self, base: str, account_id: str) -> ServedModel | None:
        return self._models.find(base, account_id) if base else None

    async def _deployment(self, conn: Connection, text: str, account_id: str) -> tuple[str, str]:
        """The full name of a deployment, and of the model that it serves."""
        name = resolve_name(
            text, account_id=account_id, collection="deployments", param="deployment"
        )
        stored = await self._deployments.find(conn, str(name))
        if stored is None or stored.delete_time is not None or stored.account_id != account_id:
            raise InvalidRequest(
                f"deployment: there is no deployment {name} in the account {account_id}.",
                param="deployment",
            )
        return stored.name, stored.resource.base_model

    def _served(self, model: str, account_id: str, *, param: str) -> ServedModel:
        found = self._models.find(model, account_id)
        if found is None:
            raise InvalidRequest(f"{param}: its model {model} is gone.", param=param)
        return found


def _check_loads(base: ServedModel) -> None:
    """Raises `InvalidRequest` where adapters cannot be put on what answers for a base."""
    model, serving = base
    if not serving.callable:
        raise InvalidRequest(
            f"model: its base model {model.name} cannot be served. {serving.details}",
            param="model",
        )
    if serving.engine not in _ENGINES:
        raise InvalidRequest(
            f"model: the engine {serving.engine} that serves {model.name} loads no adapters.",
            param="model",
        )
    if serving.is_stand_in and serving.engine != "fake":
        raise InvalidRequest(
            f"model: the weights of its base model {model.name} are not here. {serving.served_by} "
            f"stands in for them, and an adapter fits its own base only. {serving.details}",
            param="model",
        )
