"""What the models feature needs of its surroundings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from hearth.catalog import CatalogModel, Serving
from hearth.kit.db import Connection
from hearth.models.types import DeployedModelRef

Shelved = tuple[CatalogModel, Serving]
"A model that can be named, and how it is served now."

InUse = Callable[[Connection, str], Awaitable[str | None]]
"Says what keeps a model from being deleted, as `the deployment accounts/a/deployments/d`."

Refs = Callable[[Connection, Sequence[str]], Awaitable[Mapping[str, list[DeployedModelRef]]]]
"Where models, by their full names, are deployed."


class Shelf(Protocol):
    """The catalogue and what is held here."""

    def find(self, name: str, account_id: str) -> Shelved | None:
        """What an account means by a name; None: there is none that it may see."""
        ...

    def owned_by(self, account_id: str) -> Sequence[Shelved]:
        """The models of one account: of the catalogue, pulled, uploaded, attached."""
        ...

    def refresh(self) -> object:
        """Look again at what is here."""
        ...


async def nobody(_: Connection, __: str) -> str | None:
    """Use nothing."""
    return None


async def nowhere(_: Connection, __: Sequence[str]) -> Mapping[str, list[DeployedModelRef]]:
    """Deploy nothing."""
    return {}
