"""Requests before the replicas of one deployment: a queue in steps of time, by the averages.

Within a step arrivals are spread evenly. What waits because more came than could be served is
counted exactly; what waits by chance, though there are slots enough, is Sakasegawa's approximation
for M/M/c (Annals of the Institute of Statistical Mathematics 29, 1977).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

PATIENCE_S: Final = 60.0
"A caller who waited so long is gone."
_BUSIEST: Final = 0.98
"The share of slots above which chance alone no longer says how long it takes."


@dataclass(frozen=True, slots=True)
class Step:
    """What became of the requests of a step."""

    served: int
    gave_up: int
    wait_s: float
    "Of those served."


class Queue:
    """First come, first served."""

    def __init__(self, service_s: float) -> None:
        self._service_s = service_s
        self._part = 0.0
        self.waiting = 0
        self.running = 0.0
        "Slots that are busy."

    def step(self, arrived: int, slots: int, seconds: float) -> Step:
        """Let so many come while there are so many slots; at least one."""
        per_s = slots / self._service_s
        can = per_s * seconds + self._part
        ahead_s = self.waiting / per_s
        present = self.waiting + arrived
        served = min(present, int(can))
        self._part = can - int(can) if served < present else 0.0
        stay = min(present - served, math.ceil(per_s * PATIENCE_S))
        gave_up = present - served - stay
        self.waiting = stay
        self.running = min(float(slots), served * self._service_s / seconds)
        busy = min(_BUSIEST, served / can)
        return Step(served, gave_up, ahead_s + _by_chance_s(busy, slots, self._service_s))

    def clear(self) -> int:
        """Nobody serves: all who wait are sent away."""
        gone, self.waiting, self.running = self.waiting, 0, 0.0
        return gone


def _by_chance_s(busy: float, slots: int, service_s: float) -> float:
    crowd: float = busy ** (math.sqrt(2 * (slots + 1)) - 1)
    return service_s * crowd / (slots * (1 - busy))
