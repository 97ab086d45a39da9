"""Models of accounts: the catalogue, what was pulled or attached here, and what clients made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from hearth.accounts import HEARTH
from hearth.catalog import ModelStore, Weights
from hearth.errors import FailedPrecondition, NotFound
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Database
from hearth.kit.listing import select_page, struct_fields
from hearth.kit.names import to_snake
from hearth.kit.pages import MAX_PAGE_SIZE, ListQuery, Page
from hearth.models.rules import ADOPTED, ModelRules, upload_prefix
from hearth.models.shelf import InUse, Refs, Shelf, Shelved, nobody, nowhere
from hearth.models.types import MODELS, Json, Model
from hearth.models.view import completed, described
from hearth.objects import Objects
from hearth.resources import BY_OPERATOR, Asking, Creation, Resources

FOUND_OUT = ("callable", "served_by", "size_bytes", "status", "supports_serverless")
"Fields that lists can ask for and that no document holds."


def _no_runner() -> None:
    """Wake nothing: the runner of another process looks by itself."""


@dataclass(frozen=True, kw_only=True)
class Around:
    """What models live among.

    Args:
        shelf: the catalogue and what is held here.
        store: the weights that are here.
        objects: where files of models arrive.
        in_use: what keeps a model from being deleted.
        refs: where models are deployed.
        wake: has the runner of jobs look at once.
    """

    shelf: Shelf
    store: ModelStore
    objects: Objects
    in_use: InUse = nobody
    refs: Refs = nowhere
    wake: Callable[[], None] = _no_runner


class Models(Resources[Model]):
    """The models of every account; those of the catalogue are there without a document.

    What was pulled here gets a document with the first change that a client makes to it.
    """

    def __init__(self, db: Database, around: Around, clock: Clock = utc_now) -> None:
        self.rules = ModelRules(around.shelf, around.store, around.in_use)
        super().__init__(db, MODELS, self.rules, clock)
        self.around = around
        self._database = db

    async def get(self, name: str) -> Model:
        """The model as it is shown; raises `NotFound`."""
        async with self._database.read() as conn:
            stored = await self.documents.find(conn, name)
            refs = await self.around.refs(conn, [name])
        shelved = self._shelved(name)
        if shelved is None:
            if stored is None:
                raise NotFound(f"There is no model {name[:200]}.")
            return completed(stored.resource, None, [], refs.get(name, []))
        model = described(shelved[0]) if stored is None else stored.resource
        weights = await asyncio.to_thread(self.weights, name)
        return completed(model, shelved[1], weights, refs.get(name, []))

    async def list(
        self, parent: str, query: ListQuery, *, with_deleted: bool = False
    ) -> Page[Model]:
        """A page of the models of an account; raises `InvalidRequest`."""
        self.around.shelf.refresh()
        account_id = parent.removeprefix("accounts/")
        shelved = {each[0].name: each for each in self.around.shelf.owned_by(account_id)}
        if await self._is_in_sql(shelved, query):  # there may be thousands
            page = await super().list(parent, query)
            return replace(page, items=await self._shown(page.items, shelved))
        models = {name: described(each[0]) for name, each in shelved.items()}
        models |= {model.name: model for model in await self._documents_of(parent)}
        shown = await self._shown(list(models.values()), shelved)
        return select_page(shown, struct_fields(Model), ["name"], query, scope=f"{parent}/models")

    async def _is_in_sql(self, shelved: Mapping[str, Shelved], query: ListQuery) -> bool:
        """Whether the documents alone answer a list: all that is here has one, and nothing is
        asked for that they do not say."""
        if any(name in to_snake(f"{query.filter} {query.order_by}") for name in FOUND_OUT):
            return False
        async with self._database.read() as conn:
            for name in shelved:
                if await self.documents.find(conn, name) is None:
                    return False
        return True

    async def _shown(
        self, models: Sequence[Model], shelved: Mapping[str, Shelved]
    ) -> Sequence[Model]:
        names = [model.name for model in models]
        async with self._database.read() as conn:
            refs = await self.around.refs(conn, names)
        weights = await asyncio.to_thread(
            lambda: {name: self.weights(name) for name in names if name in shelved}
        )
        return [
            completed(
                model,
                shelved[model.name][1] if model.name in shelved else None,
                weights.get(model.name, []),
                refs.get(model.name, []),
            )
            for model in models
        ]

    async def update(
        self, name: str, change: Json, *, mask: Sequence[str] = (), asking: Asking = BY_OPERATOR
    ) -> Model:
        """See `Resources.update`."""
        await self.adopt(name)
        await super().update(name, change, mask=mask, asking=asking)
        self.around.shelf.refresh()
        return await self.get(name)

    async def delete(self, name: str, asking: Asking = BY_OPERATOR) -> None:
        """Delete a model and its weights.

        Raises:
            NotFound: there is none.
            FailedPrecondition: something serves it, or another server answers for it.
        """
        await self.adopt(name)
        shelved = self._shelved(name)
        if shelved is not None and shelved[1].remote is not None:
            raise FailedPrecondition(
                f"{name} is answered by another server; its operator ends that with "
                f"`hearth detach {name.rpartition('/')[2]}`."
            )
        async with self._database.read() as conn:
            stored = await self.documents.read(conn, name)
        await super().delete(name, asking)
        await self.around.objects.delete(upload_prefix(stored))
        self.around.shelf.refresh()

    async def _documents_of(self, parent: str) -> Sequence[Model]:
        found: list[Model] = []
        token, is_first = "", True
        while token or is_first:
            query = ListQuery(page_size=MAX_PAGE_SIZE, page_token=token)
            page = await super().list(parent, query)
            found += page.items
            token, is_first = page.next_page_token, False
        return found

    async def adopt(self, name: str) -> None:
        """Give what was pulled here a document, so that it can be changed; others have one."""
        shelved = self._shelved(name)
        async with self._database.read() as conn:
            if shelved is None or await self.documents.find(conn, name) is not None:
                return
        parent, _, model_id = name.rpartition("/models/")
        body = msgspec.to_builtins(described(shelved[0]))
        asking = Asking(actor=HEARTH, params={ADOPTED: "true"})
        await self.create(Creation(parent=parent, id=model_id, body=body), asking)

    def _shelved(self, name: str) -> Shelved | None:
        self.around.shelf.refresh()
        account_id = name.split("/")[1]
        owned = self.around.shelf.owned_by(account_id)
        return next((each for each in owned if each[0].name == name), None)

    def weights(self, name: str) -> Sequence[Weights]:
        """A model's own weights that are here, those it came with first."""
        own = self.around.store.find(name)
        return [] if own is None else [own, *self.around.store.variants(name)]
