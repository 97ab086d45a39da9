"""What a simulated day is made of and what it tells: plain values, in virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from hearth.deployments.autoscaling import Policy
from hearth.deployments.placement import Ask, Inventory, Prices


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """A region that is not there for a while: its replicas are gone, nothing is placed in it."""

    region: str
    from_h: float
    hours: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """A day to simulate; equal scenarios give equal reports."""

    inventory: Inventory
    prices: Prices
    hours: int = 24
    seed: int = 1
    num_deployments: int = 54
    spike: float = 3.0
    "How much of its usual load a spike may be; 1: there are none."
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Tenant:
    """A deployment and those who call it, who live by the clock of its home region."""

    name: str
    home: str
    ask: Ask
    policy: Policy
    slots_per_replica: int
    "Requests that one replica works on at once."
    service_s: float
    "How long an answer takes, on average."
    peak_per_s: float
    "Requests per second at the busiest hour of a usual day."
    sleeps: bool
    "Nobody calls it at night."


class Drop(StrEnum):
    """Why a request was not answered."""

    NO_REPLICA = "no_replica"
    "None was ready: it was woken, started, or waited for capacity."
    GAVE_UP = "gave_up"
    "It waited as long as callers wait."
    REGION_LOST = "region_lost"
    "It ran where the region was lost."


@dataclass(kw_only=True, slots=True)
class Row:
    """An hour, or all of them."""

    arrived: int = 0
    served: int = 0
    dropped: dict[Drop, int] = field(default_factory=dict)
    replicas: int = 0
    "That were ready, at the end."
    waiting: int = 0
    "Replicas that were wanted and found no place, at the worst moment."
    accelerators: int = 0
    "That were held, at the end."
    cost_nano: int = 0
    "Nano-USD, exact but for one rounding."
    events: list[str] = field(default_factory=list)

    @property
    def num_dropped(self) -> int:
        """For whatever reason."""
        return sum(self.dropped.values())


@dataclass(kw_only=True, slots=True)
class RegionRow:
    """What a region did."""

    region: str
    cloud: str
    arrived: int = 0
    "Requests of those who live there, wherever they were answered."
    accelerator_hours: float = 0.0
    peak_accelerators: int = 0
    cost_nano: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What became of a day."""

    seed: int
    hours: int
    deployments: int
    total: Row
    still_waiting: int
    "Requests, at the end: arrived, and neither served nor dropped."
    wait_p50_s: float
    wait_p95_s: float
    accelerator_hours: float
    unpriced_accelerator_hours: float
    "Of kinds that the price book does not price; they are not in the cost."
    peak_accelerators: int
    capacity: int
    scalings: int
    "How often an autoscaler changed its mind."
    waited_for_capacity_s: float
    "Replicas that were wanted and found no place, times seconds."
    timeline: list[Row]
    regions: list[RegionRow]
