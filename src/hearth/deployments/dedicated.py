"""The deployments of all accounts, and the replicas that they should have."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace as replace_stored

from msgspec.structs import replace

from hearth.accounts import HEARTH
from hearth.deployments import store
from hearth.deployments.autoscaling import Scaling
from hearth.deployments.lifetimes import why_over
from hearth.deployments.places import Room
from hearth.deployments.probes import Probes
from hearth.deployments.replicas import Replicas
from hearth.deployments.rules import DEPLOYMENT_KIND, Ground
from hearth.deployments.serving import version_of
from hearth.deployments.types import Deployment, DeploymentState, ReplicaState
from hearth.deployments.watch import Plan, Watch
from hearth.deployments.wishes import ask_of, engine_wish_of
from hearth.engines.protocol import Adapter, Stats
from hearth.errors import SetupError
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Connection
from hearth.kit.versions import bump
from hearth.resources import Asking, Documents, Draft, Stored

log = logging.getLogger(__name__)

MaySpend = Callable[[str], Awaitable[str]]
"Why an account may spend nothing more; empty: it may."

SPENDING_EVERY_S = 10.0
LOOK_S = 1.0  # workers say once a second what they do
IDLE_LOOK_S = 15.0  # without replicas only the clock changes anything: schedules, a week of idling
MAX_NEWS = 100
BATCH = 20  # deployments looked at before a request has its turn: about a millisecond
BY_HEARTH = Asking(actor=HEARTH)


class Dedicated:
    """Watches every deployment; used by the reconciler alone.

    Args:
        ground: models, places, and how workers are told.
        replicas: of this controller.
        may_spend: see `MaySpend`.
    """

    def __init__(
        self,
        ground: Ground,
        replicas: Replicas,
        may_spend: MaySpend,
        *,
        clock: Clock = utc_now,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._ground = ground
        self._replicas = replicas
        self._may_spend = may_spend
        self._clock = clock
        self._now_s = now_s
        self._documents = Documents(DEPLOYMENT_KIND, clock)
        self._probes = Probes()
        self._stored: dict[str, Stored[Deployment]] = {}
        self._watches: dict[str, Watch] = {}
        self._plans: dict[str, Plan] = {}
        self._scalings: dict[str, Scaling | None] = {}
        self._adapters: dict[str, tuple[Adapter, ...]] = {}
        self._labels: dict[str, str] = {}
        self._stopped: dict[str, str] = {}
        self._spending_s = 0.0
        self._due_s: dict[str, float] = {}
        self._looked: list[str] = []

    async def read(self, conn: Connection) -> None:
        """Learn what is wanted; call it when something was changed."""
        self._adapters = await self._ground.parts.adapters(conn)
        self._labels = await self._ground.parts.labels(conn)
        self._stored = {each.name: each for each in await self._documents.every(conn)}
        for name in self._watches.keys() - self._stored.keys():
            del self._watches[name]
            self._scalings.pop(name, None)
        self._plans = {}
        self._due_s = {}

    def adapters_of(self, pool: str) -> tuple[Adapter, ...]:
        """What is to be loaded beside the weights of a pool that no deployment owns."""
        return self._adapters.get(pool, ())

    def asked(self, name: str, at_s: float) -> None:
        """A gateway had a request for a deployment and no replica."""
        if name in self._stored:
            self._watch(name).load.asked(at_s)
            self._due_s.pop(name, None)

    async def _check_spending(self) -> None:
        """Look which accounts may hold nothing that costs; every few seconds is enough."""
        if self._now_s() - self._spending_s < SPENDING_EVERY_S:
            return
        self._spending_s = self._now_s()
        owners = {each.account_id for each in self._stored.values() if each.delete_time is None}
        told = {account_id: await self._may_spend(account_id) for account_id in owners}
        stopped = {account_id: why for account_id, why in told.items() if why}
        if stopped != self._stopped:
            self._stopped, self._due_s = stopped, {}

    async def converge(self) -> None:
        """Start and drain replicas; nothing is waited for, and others have their turn meanwhile."""
        await self._check_spending()
        if self._ground.models.refresh():
            self._plans, self._due_s = {}, {}
        stirred, self._replicas.stirred = self._replicas.stirred, set()
        for pool in stirred:
            self._due_s.pop(pool, None)
        self._look_at_load()
        now_s = self._now_s()
        self._looked = [n for n in self._stored if self._due_s.get(n, 0.0) <= now_s]
        room = self._ground.places.room(self._replicas.all())
        for number, name in enumerate(self._looked, start=1):
            self._converge_one(self._stored[name], room)
            if number % BATCH == 0:
                await asyncio.sleep(0)
        for pool in self._replicas.pools - self._stored.keys():
            if "/deployments/" in pool:  # it was deleted for good
                for replica in self._replicas.of(pool):
                    self._replicas.drain(replica.id)

    def _converge_one(self, stored: Stored[Deployment], room: Room) -> None:
        name = stored.name
        watch, own = self._watch(name), self._replicas.of(name)
        num_ready = sum(each.state is ReplicaState.READY for each in own)
        scaling = watch.desired(stored, num_ready, self._why_stopped(stored))
        self._scalings[name] = scaling
        count = 0 if scaling is None else scaling.desired
        watch.advance(stored, self._plan(stored), self._replicas, room, count)
        is_idle = count == 0 and not own
        self._due_s[name] = self._now_s() + (IDLE_LOOK_S if is_idle else LOOK_S)

    def _why_stopped(self, stored: Stored[Deployment]) -> str:
        if stored.resource.accelerator_type == "CPU":
            return ""
        return self._stopped.get(stored.account_id, "")

    def _watch(self, name: str) -> Watch:
        if name not in self._watches:
            self._watches[name] = Watch(self._stored[name], self._now_s)
        return self._watches[name]

    def _plan(self, stored: Stored[Deployment]) -> Plan:
        if stored.name not in self._plans:
            self._plans[stored.name] = self._make_plan(stored)
        return self._plans[stored.name]

    def _make_plan(self, stored: Stored[Deployment]) -> Plan:
        deployment = stored.resource
        served = self._ground.models.find(deployment.base_model, stored.account_id)
        wish = engine_wish_of(deployment, self._adapters.get(stored.name, ()))
        certifications = self._ground.parts.certifications(deployment)
        label = self._labels.get(stored.name, "")
        try:
            if served is None or served.serving.served_by is None:
                why = "It is gone." if served is None else served.serving.details
                raise SetupError(f"{deployment.base_model} cannot be served any more. {why}")
            spec = self._ground.make_spec(served.serving.served_by, wish)
            spec = replace(spec, sealed_for=self._ground.parts.sealed_for(deployment))
        except SetupError as error:
            # What runs goes on as it is; nothing new can start.
            return Plan(version=deployment.active_model_version, fault=str(error), label=label)
        # What placement chose is left out: that it is written down changes nothing.
        asked = stored.internal.get("asked", {})
        version = version_of(spec, asked, deployment.placement, sorted(certifications))
        variants = self._ground.models.variants(served.model.name)
        ask = ask_of(deployment, served, variants, certifications)
        return Plan(spec=spec, version=version, ask=ask, label=label)

    def _look_at_load(self) -> None:
        now_s = self._now_s()
        addresses: dict[str, dict[str, str]] = {}
        if not self._stored:
            return
        for replica in self._replicas.all():
            if replica.address and replica.pool in self._stored:
                addresses.setdefault(replica.pool, {})[replica.id] = replica.address
        self._probes.follow({each for pool in addresses.values() for each in pool.values()})
        for name, watch in self._watches.items():
            stats = dict[str, Stats]()
            if not addresses.get(name) and watch.load.is_still:
                continue
            for replica_id, address in addresses.get(name, {}).items():
                told = self._probes.stats(address)
                if told is not None:
                    stats[replica_id] = told
                watch.slots = self._probes.slots(address) or watch.slots
            watch.load.look(stats, now_s)
            if watch.has_use_to_note(self._stored[name]):  # before anybody may delete it
                self._due_s.pop(name, None)

    # --- What is stored --------------------------------------------------------------------------

    def news(self) -> dict[str, Draft[Deployment]]:
        """The deployments looked at last that stand otherwise than their records say.

        No more than a short transaction holds; the others are looked at again in a moment.
        """
        changed = dict[str, Draft[Deployment]]()
        for name in [name for name in self._looked if name in self._stored]:
            stored = self._stored[name]
            watch, plan = self._watch(name), self._plan(stored)
            scaling, stopped = self._scalings.get(name), self._why_stopped(stored)
            draft = watch.draft(stored, plan, self._replicas, scaling, stopped)
            if draft.resource != stored.resource or draft.internal != stored.internal:
                changed[name] = draft
            if len(changed) == MAX_NEWS:
                break
        return changed

    async def record(self, conn: Connection, news: dict[str, Draft[Deployment]]) -> None:
        """Keep news, unless somebody changed the deployment meanwhile: then look again."""
        routes_differ = False
        for name, draft in news.items():
            seen = self._stored[name]
            now = await self._documents.find(conn, name, is_locked=True)
            if now is None or now.revision != seen.revision or now.internal != seen.internal:
                continue
            await self._documents.save(conn, now, draft)
            was, new = seen.resource, draft.resource
            routes_differ |= (was.state, was.stand_in) != (new.state, new.stand_in)
            self._stored[name] = replace_stored(seen, resource=new, internal=draft.internal)
        if routes_differ:
            await bump(conn, store.DEPLOYMENTS)

    async def end_lives(self, conn: Connection) -> None:
        """Do what `over` says."""
        for name, why in self.over().items():
            stored = await self._documents.find(conn, name, is_locked=True)
            if stored is None:
                continue
            if stored.delete_time is not None:
                await self._documents.remove(conn, name)
                continue
            log.info("%s is deleted: %s", name, why)
            gone = replace(stored.resource, state=DeploymentState.DELETING)
            draft = Draft(resource=gone, internal=stored.internal)
            await self._documents.delete_softly(conn, stored, draft)
            await self._documents.audit(conn, "Delete", name, {"reason": why}, BY_HEARTH)
        await bump(conn, store.DEPLOYMENTS)

    def over(self) -> dict[str, str]:
        """The deployments whose time is over, and why: expired, long idle, or to be purged."""
        now = self._clock()
        told = {
            name: why_over(stored, self._scalings.get(name), now)
            for name, stored in self._stored.items()
            if stored.delete_time is None or not self._replicas.of(name)
        }
        return {name: why for name, why in told.items() if why}

    def values(self) -> dict[str, store.Values]:
        """What every deployment does now, for `:metrics`."""
        ready = Counter(
            each.pool for each in self._replicas.all() if each.state is ReplicaState.READY
        )
        return {
            name: watch.load.values(ready[name], watch.slots)
            for name, watch in self._watches.items()
            if ready[name] or not watch.load.is_still
        }

    async def close(self) -> None:
        """Ask no worker any more."""
        await self._probes.close()
