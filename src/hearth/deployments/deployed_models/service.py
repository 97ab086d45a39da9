"""Adapters are loaded by creating a deployed model, and unloaded by deleting it."""

from __future__ import annotations

import asyncio

from hearth.deployments.deployed_models.loading import Loading
from hearth.deployments.deployed_models.rules import DeployedModelRules
from hearth.deployments.deployed_models.types import DEPLOYED_MODELS, DeployedModel, placed
from hearth.errors import NotFound
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Database
from hearth.resources import BY_OPERATOR, Asking, Creation, Resources


class DeployedModels(Resources[DeployedModel]):
    """The deployed models of every account.

    Args:
        db: open, and up to date.
        loading: finds what is to be loaded, and where.
        clock: tells the present moment.
    """

    def __init__(self, db: Database, loading: Loading, clock: Clock = utc_now) -> None:
        self._own_rules = DeployedModelRules(loading, clock)
        super().__init__(db, DEPLOYED_MODELS, self._own_rules, clock)
        self._database = db
        self._loading = loading

    async def create(self, new: Creation, asking: Asking = BY_OPERATOR) -> DeployedModel:
        """Load an adapter; see `Resources.create`.

        Raises:
            InvalidRequest: the adapter or its place is not there, or they do not fit.
            Conflict: it is loaded there already.
            FailedPrecondition: no more adapters fit.
        """
        await self._convert(new)
        return await super().create(new, asking)

    async def _convert(self, new: Creation) -> None:
        """Make the adapter's file before the transaction, which reads it only."""
        asked = DeployedModel(model=_text(new, "model"), deployment=_text(new, "deployment"))
        async with self._database.read() as conn:
            target = await self._loading.target(conn, new.account_id, asked)
        await asyncio.to_thread(self._loading.adapter, target)

    async def delete(self, name: str, asking: Asking = BY_OPERATOR) -> None:
        """Unload an adapter: new requests for it are refused, what runs with it finishes.

        Raises:
            NotFound: there is none, or it is being unloaded already.
        """
        async with self._database.write() as conn:
            stored = await self.documents.read(conn, name, is_locked=True)
            asking.check_may_change(stored.created_by)
            if placed(stored).is_unloaded:
                raise NotFound(f"The {self.kind.words} {name} is being unloaded already.")
            self._check_etag(stored, asking.etag or asking.params.get("etag", ""))
            await self._own_rules.unloading(conn, stored)
            await self.documents.audit(conn, "Delete", name, dict(asking.params), asking)


def _text(new: Creation, field: str) -> str:
    """A field of a body that has not been checked yet."""
    value = new.body.get(field)
    return value if isinstance(value, str) else ""
