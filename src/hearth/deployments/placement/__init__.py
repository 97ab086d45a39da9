"""Where replicas go: a pure function of the inventory and what is asked."""

from hearth.deployments.placement.accelerators import memory_bytes, parse_accelerator, short_name
from hearth.deployments.placement.asks import Ask, Attention, ModelSize
from hearth.deployments.placement.attention import attention_of, model_size
from hearth.deployments.placement.decisions import (
    Decision,
    Finding,
    MemoryNeed,
    Place,
    Refusal,
    RefusalKind,
    Verdict,
)
from hearth.deployments.placement.inventory import (
    LOCAL,
    read_inventory,
    shipped_inventory,
    with_local,
    without_emulated,
)
from hearth.deployments.placement.local import cpu_stock, local_stocks
from hearth.deployments.placement.memory import Load, estimate
from hearth.deployments.placement.plan import Planner, free_after, plan, plan_many
from hearth.deployments.placement.precisions import default_precision, parse_precision
from hearth.deployments.placement.rates import hourly_prices
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
    "LOCAL",
    "AcceleratorType",
    "Ask",
    "Attention",
    "Decision",
    "Finding",
    "Free",
    "Inventory",
    "Load",
    "MemoryNeed",
    "ModelSize",
    "MultiRegion",
    "Place",
    "PlaceKey",
    "Planner",
    "Precision",
    "Prices",
    "Refusal",
    "RefusalKind",
    "Region",
    "Stock",
    "Verdict",
    "attention_of",
    "cpu_stock",
    "default_precision",
    "estimate",
    "free_after",
    "hourly_prices",
    "local_stocks",
    "memory_bytes",
    "model_size",
    "parse_accelerator",
    "parse_precision",
    "plan",
    "plan_many",
    "read_inventory",
    "shipped_inventory",
    "short_name",
    "with_local",
    "without_emulated",
]
