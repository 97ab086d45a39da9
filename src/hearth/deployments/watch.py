"""One deployment as the controller watches it: what is wanted, what keeps it, how it stands."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from hearth.deployments.autoscaling import (
    History,
    Policy,
    Scaling,
    begin,
    decide,
    set_by_hand,
)
from hearth.deployments.convergence import Wanted, steps
from hearth.deployments.load import Load
from hearth.deployments.placement import Ask, Place, Refusal
from hearth.deployments.places import Room
from hearth.deployments.placing import label_of, with_place
from hearth.deployments.policies import policy_of
from hearth.deployments.replicas import Replicas
from hearth.deployments.standing import Outlook, stand
from hearth.deployments.types import Deployment, ReplicaState
from hearth.engines.protocol import WorkerSpec
from hearth.errors import InvalidRequest
from hearth.resources import Draft, Internal, Stored

NEWS_S = 10.0
"How far the record of the last request may lie behind."


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the replicas of a deployment are to be, at the moment."""

    version: str
    spec: WorkerSpec | None = None
    "None: they cannot be run, and `fault` says why."
    ask: Ask | None = None
    "There where a spec is."
    fault: str = ""
    label: str = ""
    "What its status says beside how it stands; see `LabelsOf`."


class Watch:
    """What the controller remembers of one deployment between two looks."""

    def __init__(self, stored: Stored[Deployment], now_s: Callable[[], float] = time.time) -> None:
        self._now_s = now_s
        self.load = Load()
        self.load.last_request_s = stored.internal.get("last_request_s")
        self._history: History | None = None
        self._scaled_s = float(stored.internal.get("scaled_s", 0.0))
        self._began_s = float(stored.internal.get("began_s", now_s()))
        self._hindrance: Refusal | None = None
        self._place: Place | None = None
        self.slots = 0

    def desired(self, stored: Stored[Deployment], num_ready: int, stopped: str) -> Scaling | None:
        """How many replicas there should be; None: none at all, whatever the load."""
        if stored.delete_time is not None or stopped:
            return None
        now_s = self._now_s()
        self._forget_before(float(stored.internal.get("restored_s", 0.0)))
        try:
            policy = policy_of(stored.resource)
        except InvalidRequest:  # an older Hearth stored it
            policy = Policy(min_replicas=stored.resource.min_replica_count)
        history = self._history
        if history is None:
            first = max(1, policy.min_replicas)
            known = stored.internal.get("desired")
            history = replace(
                begin(first if known is None else int(known), now_s),
                began_s=self._began_s,
                last_request_s=self.load.last_request_s,
            )
        scale = stored.internal.get("scale") or {}
        if scale.get("at_s", 0.0) > self._scaled_s:
            self._scaled_s = scale["at_s"]
            scaling = set_by_hand(policy, history, int(scale["count"]), now_s)
        else:
            observed = self.load.observation(num_ready, self.slots)
            if history.desired == 0:  # what the last replica still took need not wake another
                observed = replace(observed, last_request_s=self.load.last_in_vain_s)
            scaling = decide(policy, history, observed, now_s)
        self._history = scaling.history
        return scaling

    def _forget_before(self, restored_s: float) -> None:
        """Begin anew where it was deleted and came back, or its old idleness would end it again."""
        if restored_s > self._began_s:
            self._began_s, self._history, self.load.last_request_s = restored_s, None, None

    def advance(
        self, stored: Stored[Deployment], plan: Plan, replicas: Replicas, room: Room, count: int
    ) -> None:
        """Start and drain what brings the replicas nearer to what is wanted."""
        pool = stored.name
        todo = steps(Wanted(count=count, version=plan.version), replicas.of(pool))
        self._hindrance = None
        for replica_id in todo.drain:
            replicas.drain(replica_id)
        if plan.spec is None or plan.ask is None:
            return
        replicas.adapters.equip(replicas.of(pool), plan.spec.adapters, version=plan.version)
        for _ in range(todo.start):
            decision = room.plan(plan.ask, stored.account_id)
            if decision.place is None:
                self._hindrance = decision.refusal
                return
            self._place = decision.place
            replicas.start(pool, plan.spec, version=plan.version, place=decision.place)

    def draft(
        self,
        stored: Stored[Deployment],
        plan: Plan,
        replicas: Replicas,
        scaling: Scaling | None,
        stopped: str,
    ) -> Draft[Deployment]:
        """The deployment as it stands now, to be stored where that is news."""
        own = replicas.of(stored.name)
        served = stored.internal.get("served", False) or any(
            each.state is ReplicaState.READY for each in own
        )
        wanted = 0 if scaling is None else scaling.desired
        hindrance = plan.fault or stopped
        if not hindrance and self._hindrance is not None:
            hindrance = self._hindrance.message
        outlook = Outlook(
            wanted=wanted,
            version=plan.version,
            reason="" if scaling is None else scaling.message,
            hindrance=hindrance,
            code="RESOURCE_EXHAUSTED" if self._hindrance is not None else "UNAVAILABLE",
            has_served=served,
            is_deleted=stored.delete_time is not None,
            label=" ".join(filter(None, [self._label(stored.resource), plan.label])),
        )
        internal: Internal = {
            **stored.internal,
            "served": served,
            "desired": wanted,
            "began_s": self._began_s,
            "scaled_s": self._scaled_s,
        }
        if self.has_use_to_note(stored):
            internal["last_request_s"] = self.load.last_request_s
        deployment = stand(self._placed(stored.resource), own, outlook)
        return Draft(resource=deployment, internal=internal)

    def has_use_to_note(self, stored: Stored[Deployment]) -> bool:
        """Whether it was asked something that its record does not say yet."""
        noted = stored.internal.get("last_request_s") or 0.0
        return (self.load.last_request_s or 0.0) - noted > NEWS_S

    def _placed(self, deployment: Deployment) -> Deployment:
        """With the place it was given at last, where it had to wait for one when it was made."""
        place = self._place
        if place is None or deployment.accelerator_type:
            return deployment
        return with_place(deployment, place)

    def _label(self, deployment: Deployment) -> str:
        told = []
        if self._place is not None:
            told.append(label_of(self._place))
        elif deployment.emulated:
            told.append(
                f"Emulated: {deployment.accelerator_count} x {deployment.accelerator_type}, "
                "run on this machine."
            )
        if deployment.stand_in:
            told.append(f"{deployment.stand_in} stands in for its weights.")
        return " ".join(filter(None, told))
