"""What may become of a model: its names must mean something, and what is used stays."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import msgspec

from hearth.accounts import Status
from hearth.catalog import ModelKind, ModelStore
from hearth.errors import Conflict, FailedPrecondition, InvalidRequest
from hearth.kit.db import Connection
from hearth.kit.ids import new_id
from hearth.models.shelf import InUse, Shelf
from hearth.models.types import Model, ModelState, PeftDetails
from hearth.resources import Asking, Draft, FreeRules, Stored

UPLOAD_ID = "uploadId"
"What of the internal document says where the uploaded files of a model are."
ADOPTED = "adopted"
"The query parameter that only Hearth sets: the weights of a new document are here already."
EMPTY = Status(message="Upload its files: `:getUploadEndpoint` gives a URL for each.")


class ModelRules(FreeRules[Model]):
    """See `Rules`.

    Args:
        shelf: the catalogue and what is held here.
        store: the weights that are here.
        in_use: what keeps a model from being deleted.
    """

    def __init__(self, shelf: Shelf, store: ModelStore, in_use: InUse) -> None:
        self._shelf = shelf
        self._store = store
        self._in_use = in_use

    async def creating(self, conn: Connection, draft: Draft[Model], asking: Asking) -> Draft[Model]:
        """A new model waits for its files, unless its weights are here."""
        model = self._checked(draft.resource)
        if asking.caller is None and asking.flag(ADOPTED):
            ready = msgspec.structs.replace(model, state=ModelState.READY)
            return replace(draft, resource=ready)
        self._shelf.refresh()
        owned = self._shelf.owned_by(_account(model))
        if any(other.name == model.name for other, _ in owned):
            raise Conflict(
                f"The model {model.name} exists already; choose another id, or change that one.",
                param="modelId",
            )
        waiting = msgspec.structs.replace(
            model,
            state=ModelState.UPLOADING,
            status=EMPTY,
            display_name=model.display_name or model.name.rpartition("/")[2],
        )
        return Draft(resource=waiting, internal={UPLOAD_ID: new_id("upload")})

    async def updating(
        self, conn: Connection, before: Stored[Model], after: Draft[Model], asking: Asking
    ) -> Draft[Model]:
        """The names of a changed model must mean something as well."""
        model = self._checked(after.resource)
        if model.public != before.resource.public:
            await asyncio.to_thread(self._store.set_public, model.name, is_public=model.public)
        return replace(after, resource=model)

    async def deleting(
        self, conn: Connection, stored: Stored[Model], asking: Asking
    ) -> Draft[Model]:
        """Weights go with their model, unless something serves it."""
        user = await self._in_use(conn, stored.name)
        if user is not None:
            raise FailedPrecondition(
                f"{stored.name} is used by {user}; delete or unload that first."
            )
        await asyncio.to_thread(self._store.remove, stored.name)
        return await super().deleting(conn, stored, asking)

    def _checked(self, model: Model) -> Model:
        """The model with full names; raises `InvalidRequest` where one means nothing."""
        account_id = _account(model)
        draft_model, peft = model.default_draft_model, model.peft_details
        if draft_model:
            draft_model = self._base(draft_model, account_id, param="defaultDraftModel")
        if peft is not None and peft.base_model:
            base = self._base(peft.base_model, account_id, param="peftDetails.baseModel")
            peft = msgspec.structs.replace(peft, base_model=base)
        if model.kind is ModelKind.HF_PEFT_ADDON and peft is None:
            peft = PeftDetails()
        return msgspec.structs.replace(model, default_draft_model=draft_model, peft_details=peft)

    def _base(self, name: str, account_id: str, *, param: str) -> str:
        """The full name of a model that an account means; raises `InvalidRequest`."""
        found = self._shelf.find(name, account_id)
        if found is None:
            raise InvalidRequest(
                f"{param}: there is no model {name[:200]!r} in the catalogue or in the account "
                f"{account_id}; `firectl list models --account-id fireworks` shows the catalogue.",
                param=param,
            )
        return found[0].name


def upload_prefix(stored: Stored[Model]) -> str:
    """Below which key the uploaded files of a model are, until it is READY."""
    return f"models/{stored.account_id}/{stored.internal.get(UPLOAD_ID, 'none')}"


def _account(model: Model) -> str:
    return model.name.split("/")[1]
