"""Which hardware the presets propose, and that it holds the model."""

from __future__ import annotations

import pytest

from hearth.catalog import Catalog
from hearth.deployments.placement import (
    COUNTS,
    AcceleratorType,
    Inventory,
    Load,
    Precision,
    Prices,
    estimate,
    memory_bytes,
    model_size,
    shipped_inventory,
)
from hearth.deployments.shapes.catalogued import shaped_model
from hearth.deployments.shapes.presets import Hardware, Offer, hardware_for
from hearth.deployments.shapes.types import Preset
from tests.deployments.shapes.conftest import PRICES

A100, H100 = AcceleratorType.NVIDIA_A100_80GB, AcceleratorType.NVIDIA_H100_80GB
H200, MI300X = AcceleratorType.NVIDIA_H200_141GB, AcceleratorType.AMD_MI300X_192GB
LLAMA_70B = model_size("llama-v3p1-70b-instruct", 70_553_706_496, 131_072)


def presets(model_id: str, prices: Prices = PRICES) -> dict[Preset, Hardware]:
    model = next(each for each in Catalog.load().models if each.id == model_id)
    return hardware_for(shaped_model(model).size, Offer(shipped_inventory(), prices))


@pytest.mark.parametrize("model", Catalog.load().models, ids=lambda model: model.id)
def test_every_preset_holds_its_model(model: object) -> None:
    size = shaped_model(model).size  # type: ignore[arg-type]

    for hardware in hardware_for(size, Offer(shipped_inventory(), PRICES)).values():
        context = hardware.max_context_tokens or size.context_tokens
        load = Load(model=size, precision=hardware.precision, context_tokens=context)
        kind = hardware.accelerator
        assert not estimate(load, hardware.count, kind, memory_bytes(kind)).missing_bytes
        assert hardware.count in COUNTS
        assert kind in PRICES


def test_the_presets_of_a_large_model() -> None:
    assert presets("llama-v3p1-70b-instruct") == {
        Preset.MINIMAL: Hardware(accelerator=MI300X, count=1, precision=Precision.FP8),
        Preset.FAST: Hardware(accelerator=H200, count=2, precision=Precision.FP8),
        Preset.THROUGHPUT: Hardware(accelerator=H100, count=8, precision=Precision.FP8),
        Preset.FULL_PRECISION: Hardware(accelerator=MI300X, count=2, precision=Precision.BF16),
    }


def test_a_small_model_is_not_split_and_is_minimal_in_full_precision_already() -> None:
    assert presets("llama-v3p2-3b-instruct") == {
        Preset.MINIMAL: Hardware(accelerator=A100, count=1, precision=Precision.BF16),
        Preset.FAST: Hardware(accelerator=H200, count=1, precision=Precision.FP8),
        Preset.THROUGHPUT: Hardware(accelerator=H100, count=2, precision=Precision.FP8),
    }


def test_minimal_costs_no_more_than_any_other_that_fits() -> None:
    chosen = hardware_for(LLAMA_70B, Offer(shipped_inventory(), PRICES))[Preset.MINIMAL]
    cost = PRICES[chosen.accelerator] * chosen.count

    for kind in PRICES:
        for count in COUNTS:
            load = Load(model=LLAMA_70B, precision=Precision.FP8, context_tokens=131_072)
            fits = not estimate(load, count, kind, memory_bytes(kind)).missing_bytes
            assert not fits or PRICES[kind] * count >= cost


def test_without_prices_the_newest_is_the_fastest() -> None:
    fast = presets("llama-v3p1-70b-instruct", {})[Preset.FAST]

    assert fast.accelerator is AcceleratorType.NVIDIA_B200_180GB


def test_a_context_that_nothing_holds_is_cut_to_half_of_it_and_said() -> None:
    size = model_size("long", 70_000_000_000, 64 * 1_048_576)

    minimal = hardware_for(size, Offer(shipped_inventory(), PRICES))[Preset.MINIMAL]

    assert 8192 <= minimal.max_context_tokens < size.context_tokens


@pytest.mark.parametrize(
    ("parameters", "inventory"),
    [(0, shipped_inventory()), (10**13, shipped_inventory()), (10**9, Inventory(regions=()))],
    ids=["of unknown size", "too large", "nowhere to go"],
)
def test_what_nothing_holds_has_no_presets(parameters: int, inventory: Inventory) -> None:
    size = model_size("m", parameters, 8192)

    assert hardware_for(size, Offer(inventory, PRICES)) == {}
