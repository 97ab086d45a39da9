"""Other precisions of a model, made ahead of the deployments that want them."""

from __future__ import annotations

import asyncio

from hearth.catalog import Form, Weights
from hearth.errors import FailedPrecondition, InvalidRequest
from hearth.jobs import Job, defer
from hearth.kit.db import Database
from hearth.models.precisions import can_prepare, form_of
from hearth.models.service import Models
from hearth.resources import Asking

INLINE_BYTES = 256 << 20
"What is larger is converted by a job, for that takes longer than a client waits."
PREPARE = "models.prepare"


class Preparing:
    """Makes forms of weights that are here."""

    def __init__(self, db: Database, models: Models) -> None:
        self._db = db
        self._models = models

    async def prepare(self, name: str, precision: str, asking: Asking) -> None:
        """Have a form made, at once or, of a large model, by a job.

        Raises:
            NotFound: there is no such model.
            InvalidRequest: no engine here runs the precision, or not with these weights.
            FailedPrecondition: its weights are not here.
        """
        form = form_of(precision)
        await self._models.get(name)
        weights = await asyncio.to_thread(self._present, name)
        if weights.inspection.quantisation == form:
            return
        if not can_prepare(weights):
            raise InvalidRequest(
                f"precision: the weights of {name} are {weights.format} in "
                f"{len(weights.manifest.files)} files; only a model that is one GGUF file can be "
                "prepared in another precision.",
                param="precision",
            )
        async with self._db.write() as conn:
            stored = await self._models.documents.find(conn, name)
            asking.check_may_change("" if stored is None else stored.created_by)
            payload = {"precision": precision}
            await self._models.documents.audit(conn, "Prepare", name, payload, asking)
            if weights.size_bytes > INLINE_BYTES:
                await defer(conn, _job(name, precision))
                self._models.around.wake()
                return
        await self.make(name, form)

    async def make(self, name: str, form: Form) -> None:
        """Make a form, unless it is here; raises `FailedPrecondition` without weights."""

        def run() -> None:
            weights = self._present(name)
            forms = {each.manifest.form for each in self._models.around.store.variants(name)}
            if form not in forms:
                self._models.around.store.prepare(weights, form)

        await asyncio.to_thread(run)

    def _present(self, name: str) -> Weights:
        weights = self._models.around.store.find(name)
        if weights is None:
            raise FailedPrecondition(
                f"The weights of {name} are not here; upload or pull them first."
            )
        if weights.is_sealed:
            raise FailedPrecondition(
                f"The weights of {name} are sealed for a deployment under compliance, and only "
                "its workers open them; upload them again as another model to prepare that."
            )
        return weights


def _job(name: str, precision: str) -> Job:
    return Job(
        kind=PREPARE,
        account_id=name.split("/")[1],
        arguments={"name": name, "precision": precision},
        resource=name,
    )
