"""Versions of a model: what it said of itself at a moment; all are of the same weights."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from hearth.errors import Conflict, FailedPrecondition, NotFound
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Database
from hearth.kit.ids import check_resource_id, new_id
from hearth.kit.listing import select_page, struct_fields
from hearth.kit.pages import ListQuery, Page
from hearth.models.service import Models
from hearth.models.types import Model
from hearth.resources import Asking, Draft, Stored

MAX_VERSIONS = 100
VERSIONS = "versions"


class ModelVersion(Struct, frozen=True, kw_only=True, rename="camel"):
    """A model as it was."""

    name: str
    create_time: datetime
    snapshot: Model


class Versions:
    """The versions of every model; they are kept with it, and end with it."""

    def __init__(self, db: Database, models: Models, clock: Clock = utc_now) -> None:
        self._db = db
        self._models = models
        self._clock = clock

    async def create(self, model: str, version_id: str, asking: Asking) -> ModelVersion:
        """Keep what a model says of itself now.

        Raises:
            NotFound: there is no such model.
            Conflict: there is such a version.
            FailedPrecondition: there are too many already.
        """
        version_id = version_id or new_id("v")
        name = f"{model}/{VERSIONS}/{check_resource_id(version_id, param='versionId')}"
        snapshot = await self._models.get(model)
        await self._models.adopt(model)
        made = ModelVersion(name=name, create_time=self._clock(), snapshot=snapshot)
        async with self._db.write() as conn:
            stored = await self._models.documents.read(conn, model, is_locked=True)
            asking.check_may_change(stored.created_by)
            kept = _versions_of(stored)
            if any(each.name == name for each in kept):
                raise Conflict(f"The version {name} exists already; choose another id.")
            if len(kept) >= MAX_VERSIONS:
                raise FailedPrecondition(
                    f"{model} has {MAX_VERSIONS} versions, and more are not kept; make another "
                    "model."
                )
            internal = {**stored.internal, VERSIONS: msgspec.to_builtins([*kept, made])}
            draft = Draft(resource=stored.resource, internal=internal)
            await self._models.documents.save(conn, stored, draft)
            await self._models.documents.audit(conn, "Snapshot", model, {"version": name}, asking)
        return made

    async def list(self, model: str, query: ListQuery) -> Page[ModelVersion]:
        """A page of a model's versions; raises `NotFound`, `InvalidRequest`."""
        fields = struct_fields(ModelVersion)
        return select_page(
            await self.of(model), fields, ["name"], query, scope=f"{model}/{VERSIONS}"
        )

    async def get(self, model: str, version_id: str) -> ModelVersion:
        """One version; raises `NotFound`."""
        name = f"{model}/{VERSIONS}/{version_id}"
        for version in await self.of(model):
            if version.name == name:
                return version
        raise NotFound(f"There is no version {version_id[:80]!r} of {model}.")

    async def of(self, model: str) -> Sequence[ModelVersion]:
        """All versions of a model; raises `NotFound`."""
        await self._models.get(model)
        async with self._db.read() as conn:
            stored = await self._models.documents.find(conn, model)
        return [] if stored is None else _versions_of(stored)


def _versions_of(stored: Stored[Model]) -> Sequence[ModelVersion]:
    return msgspec.convert(stored.internal.get(VERSIONS, []), list[ModelVersion])
