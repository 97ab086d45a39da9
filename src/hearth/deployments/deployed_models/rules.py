"""What may be loaded where: each adapter once, no more than fit, one default for each model."""

from __future__ import annotations

import asyncio
import secrets
import string
from collections.abc import Sequence

from msgspec.structs import replace

from hearth.accounts import Status
from hearth.deployments import store
from hearth.deployments.deployed_models.loading import Loading, Target
from hearth.deployments.deployed_models.types import (
    DEPLOYED_MODELS,
    MAX_ADAPTERS,
    DeployedModel,
    DeployedModelState,
    Placed,
    placed,
)
from hearth.errors import Conflict, FailedPrecondition, InvalidRequest
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Connection
from hearth.kit.versions import bump
from hearth.resources import Asking, Documents, Draft, FreeRules, Stored

_MAX_ID_CHARS = 63
_SUFFIX_CHARS = 6
_LETTERS = string.ascii_lowercase + string.digits
_STARTING = Status(message="A replica that has it is being started.")
_ENDING = Status(message="It is being taken off; what runs with it finishes.")

Loaded = Sequence[Stored[DeployedModel]]


class DeployedModelRules(FreeRules[DeployedModel]):
    """See `Rules`; a deployed model is not deleted but unloaded, see `unloading`."""

    def __init__(self, loading: Loading, clock: Clock = utc_now) -> None:
        self._loading = loading
        self._documents = Documents(DEPLOYED_MODELS, clock)

    async def creating(
        self, conn: Connection, draft: Draft[DeployedModel], asking: Asking
    ) -> Draft[DeployedModel]:
        """Find the adapter and its place; the reconciler brings it there."""
        asked = draft.resource
        account_id = asked.name.split("/")[1]
        target = await self._loading.target(conn, account_id, asked)
        adapter = await asyncio.to_thread(self._loading.adapter, target)
        await bump(conn, store.DEPLOYMENTS)  # first: two loads at once then wait for each other
        loaded = await self._loaded(conn)
        there = [each for each in loaded if placed(each).pool == target.pool]
        is_merged = asking.flag("replaceMergedAddon")
        if is_merged:
            _check_merges(target)
            for each in there:
                await self.unloading(conn, each)
        else:
            _check_room(target, there)
        is_chosen = bool(asking.params.get(DEPLOYED_MODELS.id_param))
        deployed = replace(
            asked,
            name=asked.name if is_chosen else _generated_name(account_id, target),
            model=target.model,
            deployment=target.deployment,
            base_model=target.base.model.name,
            adapter_digest=adapter.digest,
            serverless=not target.deployment,
            state=DeployedModelState.DEPLOYING,
            status=_STARTING,
        )
        others = [each for each in loaded if each.resource.model == target.model]
        deployed = await self._with_default(conn, deployed, others)
        kept = Placed(pool=target.pool, adapter=adapter, is_merged=is_merged)
        return Draft(resource=deployed, internal=kept.as_internal())

    async def updating(
        self,
        conn: Connection,
        before: Stored[DeployedModel],
        after: Draft[DeployedModel],
        asking: Asking,
    ) -> Draft[DeployedModel]:
        """Names, publicity, and which place is the default of its model."""
        deployed = after.resource
        others = [
            each
            for each in await self._loaded(conn)
            if each.resource.model == deployed.model and each.name != before.name
        ]
        if before.resource.default and not deployed.default:
            raise InvalidRequest(
                "default: it answers for the bare name of its model; make another deployed model "
                "the default instead.",
                param="default",
            )
        deployed = await self._with_default(conn, deployed, others)
        await bump(conn, store.DEPLOYMENTS)
        return Draft(resource=deployed, internal=after.internal)

    async def unloading(self, conn: Connection, stored: Stored[DeployedModel]) -> None:
        """Take one off; the record goes when no replica has it any more."""
        was = stored.resource
        gone = replace(was, state=DeployedModelState.UNDEPLOYING, status=_ENDING, default=False)
        internal = {**stored.internal, "is_unloaded": True}
        await self._documents.save(conn, stored, Draft(resource=gone, internal=internal))
        heirs = [
            each
            for each in await self._loaded(conn)
            if each.resource.model == was.model and each.name != stored.name
        ]
        if was.default and heirs:
            await self._set_default(conn, min(heirs, key=lambda e: e.create_time), is_default=True)
        await bump(conn, store.DEPLOYMENTS)

    async def _loaded(self, conn: Connection) -> list[Stored[DeployedModel]]:
        """All that their owners want loaded."""
        every = await self._documents.every(conn)
        return [each for each in every if not placed(each).is_unloaded]

    async def _with_default(
        self, conn: Connection, deployed: DeployedModel, others: Loaded
    ) -> DeployedModel:
        """The first of a model is its default; a later one takes that over where it is asked to."""
        defaults = [each for each in others if each.resource.default]
        if deployed.default:
            for each in defaults:
                await self._set_default(conn, each, is_default=False)
        return replace(deployed, default=deployed.default or not defaults)

    async def _set_default(
        self, conn: Connection, stored: Stored[DeployedModel], *, is_default: bool
    ) -> None:
        changed = replace(stored.resource, default=is_default)
        await self._documents.save(conn, stored, Draft(resource=changed, internal=stored.internal))


def _check_room(target: Target, there: Loaded) -> None:
    for each in there:
        if each.resource.model == target.model:
            raise Conflict(
                f"{target.model} is loaded on {target.pool} already, as {each.name}; unload that "
                "first.",
                param="model",
            )
    if len(there) >= MAX_ADAPTERS:
        raise FailedPrecondition(
            f"{target.pool} has {len(there)} adapters, the most that it takes; unload one, or load "
            "this one on another deployment.",
            param="deployment",
        )


def _check_merges(target: Target) -> None:
    if not target.deployment:
        raise InvalidRequest(
            "replaceMergedAddon: name the deployment that the adapter is to answer for.",
            param="replaceMergedAddon",
        )


def _generated_name(account_id: str, target: Target) -> str:
    """`<model>-<6 random>`, as Fireworks makes them."""
    suffix = "".join(secrets.choice(_LETTERS) for _ in range(_SUFFIX_CHARS))
    model = target.model.rpartition("/")[2][: _MAX_ID_CHARS - _SUFFIX_CHARS - 1].rstrip("-")
    return f"accounts/{account_id}/{DEPLOYED_MODELS.collection}/{model}-{suffix}"
