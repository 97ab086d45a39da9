"""Adapters as requests name them: a snapshot of deployed models, in memory.

The names are `accounts/A/deployedModels/X`, the adapter's own where it is loaded somewhere (its
default place answers), and `ADAPTER#accounts/A/deployments/D`.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from hearth.deployments import DeployedModel, DeployedModelState
from hearth.errors import ModelNotFound, Unavailable
from hearth.kit.names import to_camel
from hearth.resources import Stored

_COLLECTION = "deployedModels"


class AdapterRoute(Struct, frozen=True, kw_only=True):
    """A deployed model, as far as a request needs to know it."""

    name: str
    account_id: str
    model: str
    "The full name of the adapter."
    base_model: str
    deployment: str
    "Empty: the replicas that serve the base model without one."
    is_default: bool
    is_public: bool
    is_merged: bool
    "It answers for its deployment also where no adapter is named."
    fault: str
    "Why no replica has it, and none will by itself; empty: one has it, or is being started."

    def check(self) -> None:
        """Raises `Unavailable` where a request would wait in vain."""
        if self.fault:
            raise Unavailable(f"{self.model} is not loaded. {self.fault}", retry_after_s=10)


class AdapterRoutes:
    """Every deployed model that is not being unloaded."""

    def __init__(self) -> None:
        self._by_name: dict[str, AdapterRoute] = {}

    def replace(self, stored: Iterable[Stored[DeployedModel]]) -> None:
        """Know these from now on."""
        self._by_name = {
            each.name: _route(each)
            for each in stored
            if each.resource.state is not DeployedModelState.UNDEPLOYING
        }

    def names_one(self, name: str) -> bool:
        """Whether a name has the form of a deployed model's, whether or not there is one."""
        return _full_name(name) is not None

    def find(self, name: str, account_id: str) -> AdapterRoute:
        """The deployed model that an account means by its name.

        Raises:
            ModelNotFound: there is none that it may call; the details say so.
        """
        route = self._by_name.get(_full_name(name) or "")
        if route is None or not (route.is_public or route.account_id == account_id):
            raise ModelNotFound(
                f"There is no deployed model {name[:200]}: `firectl list deployed-models` lists "
                "them."
            )
        return route

    def of_model(self, model: str, account_id: str) -> AdapterRoute | None:
        """Where an adapter answers for its bare name: the account's own place before others'."""
        places = [each for each in self._by_name.values() if each.model == model]
        own = [each for each in places if each.account_id == account_id]
        public = [each for each in places if each.is_public]
        for some in (own, public):
            if some:
                return min(some, key=lambda each: (not each.is_default, each.name))
        return None

    def on(self, deployment: str, model: str) -> AdapterRoute | None:
        """An adapter on a deployment; by their full names."""
        for each in self._by_name.values():
            if (each.deployment, each.model) == (deployment, model):
                return each
        return None

    def merged(self, deployment: str) -> AdapterRoute | None:
        """The adapter that answers for a deployment where none is named."""
        for each in self._by_name.values():
            if each.deployment == deployment and each.is_merged:
                return each
        return None


def _full_name(name: str) -> str | None:
    """The name with its collection in camelCase; None: it is of another form."""
    parts = name.split("/")
    if len(parts) != 4 or parts[0] != "accounts" or to_camel(parts[2], "-") != _COLLECTION:
        return None
    return f"accounts/{parts[1]}/{_COLLECTION}/{parts[3]}"


def _route(stored: Stored[DeployedModel]) -> AdapterRoute:
    deployed = stored.resource
    return AdapterRoute(
        name=deployed.name,
        account_id=stored.account_id,
        model=deployed.model,
        base_model=deployed.base_model,
        deployment=deployed.deployment,
        is_default=deployed.default,
        is_public=deployed.public,
        is_merged=stored.internal.get("is_merged", False),
        fault="" if deployed.status.code == "OK" else deployed.status.message,
    )
