"""Where replicas go: a pure function of the inventory and what is asked."""

from hearth.deployments.placement.asks import Ask, Attention, ModelSize
from hearth.deployments.placement.decisions import (
    Decision,
    Finding,
    MemoryNeed,
    Place,
    Refusal,
    RefusalKind,
    Verdict,
)
from hearth.deployments.placement.types import (
    COUNTS,
    AcceleratorType,
    Free,
    Inventory,
    MultiRegion,
    PlaceKey,
    Precision,
    Prices,
    Region,
    Stock,
)

__all__ = [
    "COUNTS",
    "AcceleratorType",
    "Ask",
    "Attention",
    "Decision",
    "Finding",
    "Free",
    "Inventory",
    "MemoryNeed",
    "ModelSize",
    "MultiRegion",
    "Place",
    "PlaceKey",
    "Precision",
    "Prices",
    "Refusal",
    "RefusalKind",
    "Region",
    "Stock",
    "Verdict",
]
