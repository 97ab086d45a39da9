"""The moment files become a model: they are looked at, enter the store, and the model is READY."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from hearth.accounts import Status
from hearth.catalog import Incoming, ModelType, Weights, adapter_for
from hearth.errors import ApiError, HearthError, NotFound, SetupError, Unavailable
from hearth.kit.db import Database
from hearth.models.arrival import arrived, check_kind, read_adapter
from hearth.models.service import Models
from hearth.models.types import Model, ModelState
from hearth.resources import Draft

FAILED_PRECONDITION = "FAILED_PRECONDITION"


class Entry:
    """Takes weights into the store, for whoever brought them."""

    def __init__(self, db: Database, models: Models) -> None:
        self._db = db
        self._models = models
        self._store = models.around.store

    async def take(self, model: Model, fill: Callable[[Path], None], source: str) -> list[str]:
        """Make a model of files, in place of none: it waits for them; return warnings.

        Args:
            model: as it waits.
            fill: puts the files into an empty folder, in a thread.
            source: where they came from, for the manifest.

        Raises:
            InvalidRequest: they are not usable; the model's status says why.
            Unavailable: the disk or the source of the files stops it.
            NotFound: the model was deleted meanwhile; nothing of it stays.
        """
        incoming = Incoming(
            name=model.name,
            source=source,
            fill=fill,
            check=lambda folder, inspection: check_kind(model, folder, inspection),
            is_public=model.public,
        )
        try:
            weights = await asyncio.to_thread(self._store.adopt, incoming)
        except ApiError as error:
            await self.note(model.name, error)
            raise
        except SetupError as error:  # the caller can do nothing about it, but should know
            await self.note(model.name, error)
            raise Unavailable(str(error)) from error
        await self._settle(model.name, weights)
        return await asyncio.to_thread(self._warnings, model.name, weights)

    async def _settle(self, name: str, weights: Weights) -> None:
        async with self._db.write() as conn:
            stored = await self._models.documents.find(conn, name, is_locked=True)
            if stored is not None:
                model = self._arrived(stored.resource, weights)
                internal = {k: v for k, v in stored.internal.items() if k != "files"}
                draft = Draft(resource=model, internal=internal)
                await self._models.documents.save(conn, stored, draft, is_touched=True)
        if stored is None:
            await asyncio.to_thread(self._store.remove, name)
            raise NotFound(f"The model {name} was deleted while its files were looked at.")
        if stored.resource.public != weights.manifest.public:  # it was changed meanwhile
            is_public = stored.resource.public
            await asyncio.to_thread(self._store.set_public, name, is_public=is_public)
        self._models.around.shelf.refresh()

    def _arrived(self, model: Model, weights: Weights) -> Model:
        if weights.inspection.type is not ModelType.ADAPTER:
            return arrived(model, weights.inspection, None)
        details = read_adapter(model, weights.folder)
        base = self._models.around.shelf.find(details.base_model, model.name.split("/")[1])
        if base is not None:
            details = msgspec.structs.replace(details, base_model=base[0].name)
        return arrived(model, weights.inspection, details)

    def _warnings(self, name: str, weights: Weights) -> list[str]:
        """What somebody who wants to use the model should know."""
        account_id = name.split("/")[1]
        if weights.inspection.type is ModelType.ADAPTER:
            return self._adapter_warnings(name, weights)
        shelved = self._models.around.shelf.find(name, account_id)
        if shelved is None or shelved[1].callable:
            return []
        return [f"The model is here, but cannot be called: {shelved[1].details}"]

    def _adapter_warnings(self, name: str, weights: Weights) -> list[str]:
        account_id = name.split("/")[1]
        base_name = read_adapter(Model(name=name), weights.folder).base_model
        base = self._models.around.shelf.find(base_name, account_id)
        if base is None:
            return [
                f"The base model {base_name!r} is not known here, so nothing can load the adapter "
                "yet; set peftDetails.baseModel when you make the model."
            ]
        held = self._store.find(base[0].name)
        if held is None:
            return []
        try:
            adapter_for(weights, held)
        except HearthError as error:
            return [f"The adapter cannot be loaded on {base[0].name}: {error}"]
        return []

    async def note(self, name: str, error: Exception) -> None:
        """Keep what went wrong as the model's status, for who asks later."""
        async with self._db.write() as conn:
            stored = await self._models.documents.find(conn, name, is_locked=True)
            if stored is None or stored.resource.state is ModelState.READY:
                return
            status = Status(code=FAILED_PRECONDITION, message=str(error))
            model = msgspec.structs.replace(stored.resource, status=status)
            draft = Draft(resource=model, internal=stored.internal)
            await self._models.documents.save(conn, stored, draft)


def place(source: Path, target: Path) -> None:
    """Put a file where it belongs, as a link where that is possible: the bytes stay where they are
    until both are gone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, target)
