"""What placement answers: a place or a refusal, and what became of every place it looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from hearth.deployments.placement.types import AcceleratorType, PlaceKey, Precision


class Verdict(StrEnum):
    """What became of a place, in the order in which the rules are tried; the last two would do."""

    OTHER_REGION = "other_region"
    OTHER_CLOUD = "other_cloud"
    NOT_CERTIFIED = "not_certified"
    NO_WEIGHTS = "no_weights"
    "Real accelerators, but only a stand-in for the model is here."
    OTHER_ACCELERATOR = "other_accelerator"
    PRECISION = "precision"
    DOES_NOT_FIT = "does_not_fit"
    TOO_SMALL = "too_small"
    "The place has fewer accelerators in all than one replica needs."
    FULL = "full"
    NOT_NEEDED = "not_needed"
    "It would do, but another comes first."
    CHOSEN = "chosen"


class RefusalKind(StrEnum):
    """Why no place was found; only NO_CAPACITY can change while the inventory stays."""

    UNKNOWN_ACCELERATOR = "unknown_accelerator"
    UNKNOWN_PRECISION = "unknown_precision"
    UNKNOWN_REGION = "unknown_region"
    UNKNOWN_MULTI_REGION = "unknown_multi_region"
    BAD_COUNT = "bad_count"
    NOT_ALLOWED = "not_allowed"
    "Region, cloud and certifications leave nothing."
    NO_WEIGHTS = "no_weights"
    NO_ACCELERATOR = "no_accelerator"
    "The places that are allowed have none of that kind."
    PRECISION = "precision"
    DOES_NOT_FIT = "does_not_fit"
    TOO_SMALL = "too_small"
    NO_CAPACITY = "no_capacity"
    "All accelerators that would do are taken: wait, and plan again."


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryNeed:
    """An estimate for one accelerator of a replica; bytes."""

    weights_bytes: int
    cache_bytes: int
    reserve_bytes: int
    "The runtime, activations and graphs."
    usable_bytes: int
    "Of one accelerator's memory."

    @property
    def total_bytes(self) -> int:
        """What one accelerator must hold."""
        return self.weights_bytes + self.cache_bytes + self.reserve_bytes

    @property
    def missing_bytes(self) -> int:
        """How much more one accelerator would need to have; 0: it fits."""
        return max(0, self.total_bytes - self.usable_bytes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where one replica goes and what it holds there."""

    region: str
    contract_region: str
    cloud: str
    accelerator: AcceleratorType
    count: int
    "Accelerators, as the deployment shows and pays them."
    taken: int
    "What it takes of the free: `count`, or shares of the processor's memory."
    is_emulated: bool
    precision: Precision
    is_precision_emulated: bool
    "The engine that really answers computes in another precision; views say so."
    price_nano_per_hour: int | None
    "Nano-USD for all its accelerators; None: not priced."
    memory: MemoryNeed
    note: str = ""
    "What was changed about the ask, such as a count that was raised; a sentence or empty."

    @property
    def key(self) -> PlaceKey:
        """Of the mappings of free and used accelerators."""
        return self.region, self.accelerator


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Why there is no place, for programs and in one sentence with the remedy."""

    kind: RefusalKind
    message: str
    param: str = ""
    "The field of the deployment at fault, in wire form; empty where none is."
    missing_bytes: int = 0
    "Over all accelerators of the replica, where it does not fit."
    smallest_count: int | None = None
    "The fewest accelerators of that kind that would hold it; None: none of `COUNTS`."

    @property
    def waits(self) -> bool:
        """Whether planning again later may find a place."""
        return self.kind is RefusalKind.NO_CAPACITY


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One line of an explanation: a place that was looked at, and what became of it."""

    region: str
    accelerator: AcceleratorType
    verdict: Verdict
    why: str
    "A sentence, such as `Not priced per hour as low as the chosen one.`"


def _unexplained() -> tuple[Finding, ...]:
    return ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """A place or a refusal: exactly one of them is None."""

    place: Place | None = None
    refusal: Refusal | None = None
    explain: Callable[[], tuple[Finding, ...]] = field(
        default=_unexplained, repr=False, compare=False
    )
    "Few decisions are ever explained, so it is done when somebody asks."

    @property
    def explanation(self) -> tuple[Finding, ...]:
        """Every place of the inventory once: those that would do, best first, then the others.

        Empty where the ask could not be read.
        """
        return self.explain()
