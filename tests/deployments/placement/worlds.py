"""Inventories, models and prices for the tests of placement."""

from __future__ import annotations

from typing import Any

from hearth.deployments.placement import (
    AcceleratorType,
    Ask,
    Inventory,
    ModelSize,
    MultiRegion,
    Region,
    Stock,
    cpu_stock,
    memory_bytes,
    model_size,
    with_local,
)

SMALL = model_size("accounts/fireworks/models/smollm2-135m-instruct", 134_515_008, 8192)
LLAMA_70B = model_size("accounts/fireworks/models/llama-v3p1-70b-instruct", 70_553_706_496, 131_072)
DEEPSEEK = model_size("accounts/fireworks/models/deepseek-v3", 671_026_419_200, 131_072)

A100, H100 = AcceleratorType.NVIDIA_A100_80GB, AcceleratorType.NVIDIA_H100_80GB
B200, CPU = AcceleratorType.NVIDIA_B200_180GB, AcceleratorType.CPU
PRICES = {A100: 2_900_000_000, H100: 5_800_000_000}


def stock(kind: AcceleratorType, count: int, *, is_emulated: bool = True) -> Stock:
    """So many of a kind."""
    return Stock(
        accelerator=kind, count=count, memory_bytes=memory_bytes(kind), is_emulated=is_emulated
    )


def region(name: str, *stocks: Stock, **changes: object) -> Region:
    """A region of aws in the US, certified for soc2, unless told otherwise."""
    usual: dict[str, object] = {
        "contract_region": "US_IOWA_1",
        "multi_region": MultiRegion.US,
        "cloud": "aws",
        "place": "somewhere",
        "timezone": "UTC",
        "certifications": frozenset({"soc2"}),
    }
    return Region(name=name, stocks=stocks, **(usual | changes))  # type: ignore[arg-type] # above


EAST = region("east", stock(H100, 16), stock(B200, 8))
WEST = region(
    "west",
    stock(A100, 8),
    stock(H100, 8),
    contract_region="US_OHIO_1",
    certifications=frozenset({"soc2", "hipaa"}),
)
EUROPE = region(
    "europe",
    stock(H100, 4),
    contract_region="EU_FRANKFURT_1",
    multi_region=MultiRegion.EUROPE,
    cloud="gcp",
    certifications=frozenset({"gdpr", "soc2"}),
)
THREE = Inventory(regions=(EAST, WEST, EUROPE))
HERE = with_local(THREE, (cpu_stock(8 * 2**30),))


def ask(model: ModelSize = LLAMA_70B, **changes: Any) -> Ask:  # whatever an ask has
    """An ask for a model of which only a stand-in is here."""
    return Ask(model=model, **({"has_own_weights": False} | changes))
