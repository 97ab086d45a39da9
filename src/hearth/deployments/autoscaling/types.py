"""What the autoscaler is told, remembers and answers: plain values; durations are seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

DEFAULT_LOAD_TARGET: Final = 0.8
MIN_SCALE_TO_ZERO_S: Final = 300.0
AUTO_DELETE_S: Final = 7 * 86_400.0
"With a minimum of 0 replicas, a deployment that got no request for so long may be deleted."


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """Bounds that hold for a while, again and again."""

    cron: str
    "Five fields: minute, hour, day of month, month, day of week; when it begins."
    duration_s: float
    timezone: str = "UTC"
    "IANA name."
    min_replicas: int | None = None
    "None: the policy's."
    max_replicas: int | None = None
    is_disabled: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """How a deployment wants to be scaled; the defaults are the contract's."""

    min_replicas: int = 0
    max_replicas: int = 1
    scale_up_window_s: float = 30.0
    "So long a need must have lasted before replicas are added."
    scale_down_window_s: float = 600.0
    "So long replicas must have been too many before some are taken away."
    scale_to_zero_window_s: float = 3600.0
    "Without a request for so long, and a minimum of 0, no replica stays; at least five minutes."
    load_targets: Mapping[str, float] = field(default_factory=dict)
    "By name, see `LOAD_TARGETS`; what needs the most replicas wins. Empty: `default` at 0.8."
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    is_enabled: bool = True
    "False: the count changes by hand only, and with the bounds."


LOAD_TARGETS: Final = (
    "default",
    "tokens_generated_per_second",
    "prompt_tokens_per_second",
    "requests_per_second",
    "concurrent_requests",
)
"`default` is the share of a replica's slots that are busy; the others are amounts per replica."


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """What the deployment does now: sums over all its replicas, rates over the last seconds."""

    ready_replicas: int
    busy_slots: float = 0.0
    "Requests that run or wait, in units of the slots they take."
    slots_per_replica: int = 1
    tokens_generated_per_second: float = 0.0
    prompt_tokens_per_second: float = 0.0
    requests_per_second: float = 0.0
    concurrent_requests: float = 0.0
    "That run or wait."
    last_request_s: float | None = None
    "When the last request came, served or refused, in the time of `now_s`; None: none did."


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """How many replicas the load called for, for a while."""

    replicas: int
    until_s: float
    "When another need was seen; of the last one, when it was seen last."


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """What the autoscaler remembers between two decisions; plain, so that it may be stored."""

    desired: int
    "The count decided last."
    began_s: float
    "When the deployment was made, or a person set its count: it counts as used then."
    watched_from_s: float | None = None
    "When the windows began to fill; nothing is decided by a window that is not full."
    needs: tuple[Need, ...] = ()
    "Oldest first, each until the next; only those that can still decide something."
    last_request_s: float | None = None
    floor: int | None = None
    "A count below the minimum that was set by hand: it stays until load moves it."


class Reason(StrEnum):
    """Why the desired count is what it is."""

    STEADY = "steady"
    LOAD_ROSE = "load_rose"
    LOAD_FELL = "load_fell"
    IDLE = "idle"
    "No request for the scale-to-zero window."
    WOKEN = "woken"
    "A request came while there was no replica."
    BOUNDS = "bounds"
    "The minimum or maximum, perhaps of a schedule, moved it."
    SET_BY_HAND = "set_by_hand"
    DISABLED = "disabled"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """A decision: how many replicas there should be, why, and what to remember."""

    desired: int
    reason: Reason
    message: str
    "A sentence for a person."
    history: History
    "To be passed to the next decision."
    is_deletable: bool = False
    "Idle for seven days with a minimum of 0."
