"""The catalogue with what is here, and how each model is served now; in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from hearth.catalog.catalog import Catalog
from hearth.catalog.holdings import Holdings
from hearth.catalog.remotes import Holding
from hearth.catalog.serving import Serving
from hearth.catalog.types import CatalogModel, Weights

Decide = Callable[[CatalogModel, Mapping[str, Holding]], Serving]
"Says how a model is served, given the holdings by name."


class ServedModel(NamedTuple):
    """A model, and by whose weights it can be called."""

    model: CatalogModel
    serving: Serving


class ServedCatalog:
    """Follows what was pulled, attached or removed.

    Args:
        shipped: what the product ships; models that are here join it.
        holdings: the weights that are here and the models attached by URL.
        decide: see `Decide`.
    """

    def __init__(self, shipped: Catalog, holdings: Holdings, decide: Decide) -> None:
        self._shipped = shipped
        self._holdings = holdings
        self._decide = decide
        self._fingerprint = ""
        self.catalog = shipped
        self.servings: Mapping[str, Serving] = {}
        "By the full name of the model."
        self.version = 0
        "Moves whenever something has changed."
        self.refresh()

    def refresh(self) -> bool:
        """Look again; whether anything changed."""
        fingerprint = self._holdings.fingerprint()
        if fingerprint == self._fingerprint:
            return False
        held = {each.name: each for each in self._holdings.list()}
        self.catalog = self._shipped.with_local(held.values())
        self.servings = {m.name: self._decide(m, held) for m in self.catalog.models}
        self._fingerprint = fingerprint
        self.version += 1
        return True

    def find(self, name: str, account_id: str) -> ServedModel | None:
        """The model that an account means by a name, its own before the public ones."""
        model = self.catalog.resolve(name, account_id)
        return None if model is None else ServedModel(model, self.servings[model.name])

    def owned_by(self, account_id: str) -> list[ServedModel]:
        """The models of one account, by id."""
        owned = (model for model in self.catalog.models if model.account == account_id)
        by_id = sorted(owned, key=lambda model: model.id)
        return [ServedModel(model, self.servings[model.name]) for model in by_id]

    def variants(self, full_name: str) -> Sequence[Weights]:
        """Other forms of the weights that serve a model, where any were prepared."""
        return self._holdings.variants(full_name)

    def why_not(self, name: str, account_id: str) -> str:
        """Why `find` found nothing."""
        return self.catalog.why_not(name, account_id)
