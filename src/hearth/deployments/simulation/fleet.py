"""The replicas of one deployment in virtual time: wanted by its autoscaler, placed, ready, lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hearth.deployments.autoscaling import Observation, begin, decide
from hearth.deployments.placement import Place
from hearth.deployments.simulation.queueing import Queue
from hearth.deployments.simulation.types import Tenant

_START_S: Final = 20.0
"From placing to loading: a container, a process, its libraries."
_LOAD_BYTES_PER_S: Final = 2e9
"How fast each accelerator gets its weights, from disks near by."


@dataclass(frozen=True, slots=True)
class Running:
    """A replica; it holds its accelerators from the moment it is placed."""

    place: Place
    ready_s: float


class Fleet:
    """One deployment."""

    def __init__(self, tenant: Tenant, desired: int, now_s: float) -> None:
        self.tenant = tenant
        self.queue = Queue(tenant.service_s)
        self.running: list[Running] = []
        self.scalings = 0
        self._history = begin(desired, now_s)
        self._last_request_s: float | None = None

    @property
    def missing(self) -> int:
        """Replicas that are wanted and not placed."""
        return max(0, self._history.desired - len(self.running))

    def ready(self, now_s: float) -> int:
        """Replicas that take requests."""
        return sum(one.ready_s <= now_s for one in self.running)

    def observe(self, arrived: int, seconds: float, ready: int, now_s: float) -> None:
        """Let the autoscaler decide."""
        if arrived:
            self._last_request_s = now_s
        queue = self.queue
        scaling = decide(
            self.tenant.policy,
            self._history,
            Observation(
                ready_replicas=ready,
                busy_slots=queue.running + queue.waiting,
                slots_per_replica=self.tenant.slots_per_replica,
                requests_per_second=arrived / seconds,
                concurrent_requests=queue.running + queue.waiting,
                last_request_s=self._last_request_s,
            ),
            now_s,
        )
        self.scalings += scaling.desired != self._history.desired
        self._history = scaling.history

    def add(self, place: Place, now_s: float) -> None:
        """Start a replica there."""
        load_s = place.memory.weights_bytes / _LOAD_BYTES_PER_S
        self.running.append(Running(place, now_s + _START_S + load_s))

    def release(self) -> list[Place]:
        """End what is too much, the newest first; what it held."""
        kept = max(0, self._history.desired)
        surplus, self.running = self.running[kept:], self.running[:kept]
        return [one.place for one in surplus]

    def lose(self, region: str, now_s: float) -> tuple[list[Place], int]:
        """Lose a region: what was held there, and the requests that ran there."""
        gone = [one for one in self.running if one.place.region == region]
        ready = self.ready(now_s)
        ready_gone = sum(one.ready_s <= now_s for one in gone)
        cut = round(self.queue.running * ready_gone / ready) if ready else 0
        self.running = [one for one in self.running if one.place.region != region]
        return [one.place for one in gone], cut
