"""What can be done to a deployment beside changing it: scale it, and ask how it fares and why."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from msgspec import Struct, to_builtins

from hearth.deployments import store
from hearth.deployments.durations import read_duration_s
from hearth.deployments.load import Load
from hearth.deployments.policies import policy_of
from hearth.deployments.rules import DEPLOYMENT_KIND, DeploymentRules
from hearth.deployments.types import Deployment, Replica
from hearth.errors import InvalidRequest, NotFound
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Database
from hearth.kit.versions import bump
from hearth.resources import Asking, Documents, Draft, Resources, Stored

NOW_S = 15.0  # an older sample says nothing of the present
MAX_RANGE_S = 86_400.0
_STILL = Load().values(0, 0)


class ReplicaView(Struct, frozen=True, kw_only=True, rename="camel"):
    """A replica, as its deployment's owner may see it."""

    id: str
    state: str
    message: str
    region: str
    accelerator_type: str
    accelerator_count: int
    emulated: bool
    version: str


class Explanation(Struct, frozen=True, kw_only=True, rename="camel"):
    """Why a deployment is where it is."""

    decision: dict[str, Any]  # Any: texts and numbers
    explanation: list[dict[str, str]]
    "Every place that was looked at: `candidate`, `verdict`, `why`."
    replicas: list[ReplicaView]


class DeploymentService:
    """Deployments; `resources` makes, changes and deletes them."""

    def __init__(
        self,
        db: Database,
        rules: DeploymentRules,
        *,
        clock: Clock = utc_now,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._db = db
        self._now_s = now_s
        self.resources = Resources(db, DEPLOYMENT_KIND, rules, clock)
        self._documents: Documents[Deployment] = self.resources.documents

    async def scale(self, name: str, count: int, asking: Asking) -> None:
        """Have so many replicas now; the autoscaler goes on from there.

        Raises:
            NotFound: there is no such deployment.
            InvalidRequest: it may not have so many.
        """
        async with self._db.write() as conn:
            stored = await self._documents.read(conn, name, is_locked=True)
            _check_alive(stored)
            asking.check_may_change(stored.created_by)
            highest = policy_of(stored.resource).max_replicas
            if not 0 <= count <= highest:
                raise InvalidRequest(
                    f"replicaCount is {count}; {name} may have 0 to {highest}: raise its "
                    "maxReplicaCount first.",
                    param="replicaCount",
                )
            scale = {"count": count, "at_s": self._now_s()}
            draft = Draft(resource=stored.resource, internal={**stored.internal, "scale": scale})
            await self._documents.save(conn, stored, draft)
            payload = {"replicaCount": count}
            await self._documents.audit(conn, "Scale", name, payload, asking)
            await bump(conn, store.DEPLOYMENTS)

    async def metrics(self, name: str, time_range: str) -> dict[str, float]:
        """What a deployment does now, or did on the mean of a time until now.

        Raises:
            NotFound: there is no such deployment.
            InvalidRequest: the range is no duration, or too long.
        """
        range_s = read_duration_s(time_range, NOW_S, param="timeRange")
        if range_s > MAX_RANGE_S:
            raise InvalidRequest("timeRange: at most 24h are kept.", param="timeRange")
        since_ns = int((self._now_s() - range_s) * 1e9)
        async with self._db.read() as conn:
            stored = await self._documents.read(conn, name)
            samples = await store.list_samples(conn, name, since_ns)
            last = await store.last_sample(conn, name)
        if not time_range:  # one that has not moved since stands as it stood
            return _STILL | last | _counts(stored)
        means = {
            key: sum(values.get(key, 0.0) for _, values in samples) / len(samples)
            for key in (samples[-1][1] if samples else {})
        }
        return _STILL | means | _counts(stored)

    async def explain(self, name: str) -> Explanation:
        """Why a deployment is where it is; raises `NotFound`."""
        async with self._db.read() as conn:
            stored = await self._documents.read(conn, name)
            replicas = await store.list_replicas(conn, pool=name)
        deployment = stored.resource
        decision = {
            "acceleratorType": deployment.accelerator_type,
            "acceleratorCount": deployment.accelerator_count,
            "precision": deployment.precision,
            "region": deployment.region,
            "emulated": deployment.emulated,
            "standIn": deployment.stand_in,
            "pricePerHour": deployment.price_per_hour,
            "desiredReplicaCount": deployment.desired_replica_count,
            "status": to_builtins(deployment.status),
        }
        return Explanation(
            decision=decision,
            explanation=stored.internal.get("explanation", []),
            replicas=[_view(each) for each in replicas],
        )

    async def replicas(self, name: str) -> list[ReplicaView]:
        """The replicas of a deployment; raises `NotFound`."""
        return (await self.explain(name)).replicas


def _check_alive(stored: Stored[Deployment]) -> None:
    if stored.delete_time is not None:
        raise NotFound(f"{stored.name} was deleted; undelete it first.")


def _counts(stored: Stored[Deployment]) -> dict[str, float]:
    deployment = stored.resource
    return {
        "replica_count": float(deployment.replica_stats.ready_replica_count),
        "desired_replica_count": float(deployment.desired_replica_count),
    }


def _view(replica: Replica) -> ReplicaView:
    return ReplicaView(
        id=replica.id,
        state=str(replica.state),
        message=replica.message,
        region=replica.region,
        accelerator_type=replica.accelerator_type,
        accelerator_count=replica.accelerator_count,
        emulated=replica.is_emulated,
        version=replica.version,
    )
