"""What can answer here: the weights in the model store and the models attached by URL, as one."""

from __future__ import annotations

from collections.abc import Sequence

from hearth.catalog.remotes import Holding, Remotes
from hearth.catalog.store import ModelStore
from hearth.catalog.types import Weights


class Holdings:
    """The holdings below one home folder; where both are there, the attached model counts."""

    def __init__(self, store: ModelStore, remotes: Remotes) -> None:
        self._store = store
        self._remotes = remotes

    def find(self, full_name: str) -> Holding | None:
        """What serves `accounts/A/models/M`, or None."""
        return self._remotes.find(full_name) or self._store.find(full_name)

    def list(self) -> Sequence[Holding]:
        """All holdings, one for each name."""
        by_name: dict[str, Holding] = {each.name: each for each in self._store.list()}
        by_name |= {each.name: each for each in self._remotes.list()}
        return [*by_name.values()]

    def variants(self, full_name: str) -> Sequence[Weights]:
        """Other forms of the weights that serve a model, where any were prepared."""
        return self._store.variants(full_name)

    def fingerprint(self) -> str:
        """Changes when a holding comes, goes or is replaced."""
        return f"{self._store.fingerprint()} {self._remotes.fingerprint()}"
