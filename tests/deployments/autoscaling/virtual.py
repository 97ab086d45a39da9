"""A deployment in virtual time: the autoscaler is asked every second what it wants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hearth.deployments.autoscaling import (
    Observation,
    Policy,
    Reason,
    Scaling,
    begin,
    decide,
    set_by_hand,
)

START_S = 1_800_000_000.0
"A moment in 2027, a whole minute."

Load = Callable[[float], float]
"Busy slots at a time since the start; a replica has one slot."


@dataclass
class Deployment:
    """It has as many replicas as were wanted last, at once."""

    policy: Policy
    desired: int = 1
    now_s: float = 0.0
    changes: list[tuple[float, int, Reason]] = field(default_factory=list)
    last_request_s: float | None = None

    def __post_init__(self) -> None:
        self.history = begin(self.desired, START_S)

    def run(self, load: Load, seconds: float, tick_s: float = 1.0) -> Scaling:
        """Let time pass, up to and including the last second."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s += tick_s
            scaling = self.see(load(self.now_s))
        return scaling

    def see(self, busy: float, *, is_new: bool = True) -> Scaling:
        """What is decided now; what is busy came a moment ago, if it is new."""
        if busy and is_new:
            self.last_request_s = START_S + self.now_s
        observed = Observation(
            ready_replicas=self.desired, busy_slots=busy, last_request_s=self.last_request_s
        )
        return self._take(decide(self.policy, self.history, observed, START_S + self.now_s))

    def scale(self, count: int) -> Scaling:
        """Set the count by hand."""
        return self._take(set_by_hand(self.policy, self.history, count, START_S + self.now_s))

    def under(self, **changes: object) -> None:
        """Change the policy."""
        self.policy = replace(self.policy, **changes)  # type: ignore[arg-type] # a test's choice

    def _take(self, scaling: Scaling) -> Scaling:
        if scaling.desired != self.desired:
            self.changes.append((self.now_s, scaling.desired, scaling.reason))
        self.desired, self.history = scaling.desired, scaling.history
        return scaling
