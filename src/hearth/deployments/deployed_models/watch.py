"""Deployed models as the reconciler sees them: what to load where, and how each stands."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace as replace_stored

from msgspec.structs import replace

from hearth.accounts import Status
from hearth.deployments import store
from hearth.deployments.deployed_models.standing import stand
from hearth.deployments.deployed_models.types import (
    DEPLOYED_MODELS,
    DeployedModel,
    DeployedModelState,
    Placed,
    placed,
)
from hearth.deployments.replicas import Replicas
from hearth.deployments.rules import DEPLOYMENT_KIND
from hearth.deployments.types import ReplicaState
from hearth.engines.protocol import Adapter
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Connection
from hearth.kit.versions import bump
from hearth.resources import Documents, Draft, Stored

News = dict[str, DeployedModel | None]
"By name, how it stands; None: it is gone from every replica."

_LOST = Status(
    code="NOT_FOUND", message="The file of the adapter is gone; unload it and load it again."
)


class DeployedModelWatch:
    """All deployed models; used by the reconciler alone."""

    def __init__(self, clock: Clock = utc_now) -> None:
        self._documents = Documents(DEPLOYED_MODELS, clock)
        self._deployments = Documents(DEPLOYMENT_KIND, clock)
        self._stored: dict[str, Stored[DeployedModel]] = {}
        self._deleted: dict[str, bool] = {}
        "By deployment, whether it was deleted; one that is not in it was purged."

    async def adapters(self, conn: Connection) -> dict[str, tuple[Adapter, ...]]:
        """Learn what is wanted; see `AdaptersOf`. The order is that in which they were loaded."""
        every = await self._documents.every(conn)
        self._stored = {each.name: each for each in every}
        self._deleted = {
            each.name: each.delete_time is not None for each in await self._deployments.every(conn)
        }
        pools: dict[str, dict[str, Adapter]] = {}
        for each in sorted(every, key=lambda one: (one.create_time, one.name)):
            kept = placed(each)
            if self._is_wanted(each, kept) and not _is_lost(kept.adapter):
                pools.setdefault(kept.pool, {})[kept.adapter.name] = kept.adapter
        return {pool: tuple(adapters.values()) for pool, adapters in pools.items()}

    def news(self, replicas: Replicas) -> News:
        """Those that stand otherwise than their records say."""
        changed: News = {}
        for name, stored in self._stored.items():
            now = self._standing(stored, replicas)
            if now != stored.resource:
                changed[name] = now
        return changed

    async def record(self, conn: Connection, news: News) -> None:
        """Keep news, unless somebody changed the deployed model meanwhile: then look again."""
        for name, now in news.items():
            seen = self._stored[name]
            stored = await self._documents.find(conn, name, is_locked=True)
            if stored is None or stored.resource != seen.resource:
                continue
            if now is None:
                await self._documents.remove(conn, name)
                del self._stored[name]
                continue
            await self._documents.save(conn, stored, Draft(resource=now, internal=stored.internal))
            self._stored[name] = replace_stored(seen, resource=now)
        if news:
            await bump(conn, store.DEPLOYMENTS)

    def _is_wanted(self, stored: Stored[DeployedModel], kept: Placed) -> bool:
        deployment = stored.resource.deployment
        return not kept.is_unloaded and not (deployment and self._deleted.get(deployment, True))

    def _standing(self, stored: Stored[DeployedModel], replicas: Replicas) -> DeployedModel | None:
        kept, deployed = placed(stored), stored.resource
        own = replicas.of(kept.pool)
        if self._is_wanted(stored, kept):
            if _is_lost(kept.adapter):
                return replace(deployed, state=DeployedModelState.DEPLOYING, status=_LOST)
            adapter = kept.adapter
            return stand(
                deployed,
                own,
                lambda each: adapter in replicas.adapters.loaded(each),
                lambda each: replicas.adapters.fault(each, adapter.name),
            )
        if not kept.is_unloaded and deployed.deployment in self._deleted:
            told = Status(message="Its deployment was deleted; undeleting that loads it again.")
            return replace(deployed, state=DeployedModelState.UNDEPLOYING, status=told)
        live = (each.id for each in own if each.state is not ReplicaState.DRAINING)
        is_there = any(kept.adapter in replicas.adapters.loaded(each) for each in live)
        return deployed if is_there and not self._is_wanted_again(stored, kept) else None

    def _is_wanted_again(self, stored: Stored[DeployedModel], kept: Placed) -> bool:
        """Whether it was loaded again since, so that it does not go from its replicas."""
        others: Iterable[Stored[DeployedModel]] = self._stored.values()
        return any(
            self._is_wanted(each, placed(each))
            and placed(each).pool == kept.pool
            and placed(each).adapter == kept.adapter
            for each in others
            if each.name != stored.name
        )


def _is_lost(adapter: Adapter) -> bool:
    """Whether its file was removed behind our back; the other adapters load without it."""
    return bool(adapter.path) and not os.path.exists(adapter.path)
