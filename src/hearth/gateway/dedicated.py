"""Deployments as requests name them: a snapshot in memory, and the routes that lead to them.

The names are `accounts/A/deployments/D`, and `MODEL#accounts/A/deployments/D`, where the model may
be left as short as anywhere else.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from hearth.deployments import DEPLOYED_MODELS, DEPLOYMENT_KIND, Deployment
from hearth.errors import ModelNotFound
from hearth.gateway.adapter_routes import AdapterRoutes
from hearth.kit.db import Database
from hearth.resources import Documents

MARK = "#"
_COLLECTION = "/deployments/"


class DedicatedRoute(Struct, frozen=True, kw_only=True):
    """A deployment, as far as a request needs to know it."""

    name: str
    account_id: str
    model: str
    "The full name of its base model."
    served_by: str
    "Whose weights answer."
    emulated: str = ""
    "The accelerator that is emulated; empty: it is real."
    is_private: bool = False
    "It answers at an endpoint of its own, and nowhere else."


class DedicatedRoutes:
    """Every deployment that is not deleted, and the adapters on them, as of the last `refresh`."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._documents = Documents(DEPLOYMENT_KIND)
        self._deployed = Documents(DEPLOYED_MODELS)
        self._routes: dict[str, DedicatedRoute] = {}
        self.adapters = AdapterRoutes()

    async def refresh(self) -> None:
        """Learn what changed."""
        async with self._db.read() as conn:
            stored = await self._documents.every(conn)
            self.adapters.replace(await self._deployed.every(conn))
        alive = [each.resource for each in stored if each.delete_time is None]
        self._routes = {each.name: each for each in _routes(alive)}

    def names_one(self, name: str) -> bool:
        """Whether a name has the form of a deployment's, whether or not there is one."""
        return MARK in name or (name.startswith("accounts/") and _COLLECTION in name)

    def find(self, name: str, account_id: str, *, is_private: bool = False) -> DedicatedRoute:
        """The deployment that an account means by such a name.

        Args:
            name: in one of the forms above.
            account_id: whose request it is.
            is_private: the request came to the deployment's own endpoint; to everybody's, private
                ones do not exist.

        Raises:
            ModelNotFound: there is none, or it is another account's; the details say so.
        """
        target = _full_name(name.rpartition(MARK)[2])
        route = self._routes.get(target)
        if route is None or (route.account_id, route.is_private) != (account_id, is_private):
            raise ModelNotFound(
                f"There is no deployment {target[:200]} in the account {account_id}: "
                "`firectl list deployments` lists them."
            )
        return route


def _full_name(text: str) -> str:
    """`A/D` is short for `accounts/A/deployments/D`."""
    account, slash, deployment = text.partition("/")
    if slash and account != "accounts" and "/" not in deployment:
        return f"accounts/{account}/deployments/{deployment}"
    return text


def _routes(deployments: Iterable[Deployment]) -> Iterable[DedicatedRoute]:
    for each in deployments:
        yield DedicatedRoute(
            name=each.name,
            account_id=each.name.split("/")[1],
            model=each.base_model,
            served_by=each.stand_in or each.base_model,
            emulated=each.accelerator_type if each.emulated else "",
            is_private=each.vpc is not None,
        )
