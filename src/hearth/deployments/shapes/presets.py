"""Which hardware suits a model for a purpose, computed from its memory estimate.

Only kinds of accelerators are proposed that the inventory has, and where any is priced, only
priced ones: nobody is led to what has no price.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

from hearth.deployments.placement import (
    AcceleratorType,
    Inventory,
    ModelSize,
    Precision,
    Prices,
    default_precision,
)
from hearth.deployments.shapes.sizing import load_of, smallest_count
from hearth.deployments.shapes.types import Preset

_FASTEST: Final = (
    AcceleratorType.NVIDIA_B300_288GB,
    AcceleratorType.NVIDIA_B200_180GB,
    AcceleratorType.NVIDIA_H200_141GB,
    AcceleratorType.NVIDIA_H100_80GB,
    AcceleratorType.AMD_MI350X_288GB,
    AcceleratorType.AMD_MI325X_256GB,
    AcceleratorType.AMD_MI300X_192GB,
    AcceleratorType.NVIDIA_A100_80GB,
    AcceleratorType.NVIDIA_A100_40GB,
    AcceleratorType.NVIDIA_A10G_24GB,
    AcceleratorType.NVIDIA_L4_24GB,
)
"Newest first, NVIDIA's before AMD's, whose kernels engines tune later."
_THROUGHPUT_FIRST: Final = AcceleratorType.NVIDIA_H100_80GB
_SPLIT_FROM_PARAMETERS: Final = 4_000_000_000
"Smaller models gain nothing from more accelerators: what they say to each other takes longer."
_MOST_FOR_SPEED: Final = 8
"Accelerators of one machine, which a fast link joins."
_CONTEXTS: Final = (8, 4, 2, 1)
"Whole contexts held at once for throughput: the most that fit are taken."
_LEAST_CONTEXT_TOKENS: Final = 8192
_UNPRICED: Final = 1 << 62


@dataclass(frozen=True, kw_only=True, slots=True)
class Hardware:
    """What a preset asks for."""

    accelerator: AcceleratorType
    count: int
    precision: Precision
    max_context_tokens: int = 0
    "0: the model's own; else what is left of it, since no accelerators hold it all."


class Offer:
    """The kinds of accelerators that can be had, and their prices."""

    def __init__(self, inventory: Inventory, prices: Prices) -> None:
        kinds = {
            stock.accelerator
            for region in inventory.regions
            for stock in region.stocks
            if stock.accelerator is not AcceleratorType.CPU
        }
        priced = kinds & prices.keys()
        self.kinds = [kind for kind in _FASTEST if kind in (priced or kinds)]
        self._prices = prices

    def cost(self, hardware: Hardware) -> tuple[int, int]:
        """Nano-USD per hour, then accelerators: the less the better."""
        price = self._prices.get(hardware.accelerator, _UNPRICED)
        return price * hardware.count, hardware.count


def hardware_for(model: ModelSize, offer: Offer) -> dict[Preset, Hardware]:
    """The presets that suit a model; none where nothing holds it, or its size is not known.

    FULL_PRECISION is left out where the minimal one has 16 bits already.
    """
    if not model.parameters:
        return {}
    minimal = _cheapest(model, offer, {kind: default_precision(kind) for kind in offer.kinds})
    fast, throughput = _fast(model, offer), _throughput(model, offer)
    if minimal is None or fast is None or throughput is None:
        return {}
    found = {Preset.MINIMAL: minimal, Preset.FAST: fast, Preset.THROUGHPUT: throughput}
    full = _cheapest(model, offer, dict.fromkeys(offer.kinds, Precision.BF16))
    if full is not None and full != minimal:
        found[Preset.FULL_PRECISION] = full
    return found


def _cheapest(
    model: ModelSize, offer: Offer, precisions: dict[AcceleratorType, Precision]
) -> Hardware | None:
    """Of the longest context that any of the accelerators hold."""
    for context in _contexts(model):
        found = [
            hardware
            for kind, precision in precisions.items()
            if (hardware := _smallest(model, kind, precision, context=context)) is not None
        ]
        if found:
            return min(found, key=offer.cost)
    return None


def _fast(model: ModelSize, offer: Offer) -> Hardware | None:
    for context in _contexts(model):
        for kind in offer.kinds:
            found = _smallest(model, kind, default_precision(kind), context=context)
            if found is not None:
                return _split(found, model)
    return None


def _split(hardware: Hardware, model: ModelSize) -> Hardware:
    """Each token reads all weights: twice the accelerators read them in half the time."""
    count = hardware.count
    if model.parameters >= _SPLIT_FROM_PARAMETERS and 2 * count <= _MOST_FOR_SPEED:
        count *= 2
    return Hardware(
        accelerator=hardware.accelerator,
        count=count,
        precision=hardware.precision,
        max_context_tokens=hardware.max_context_tokens,
    )


def _throughput(model: ModelSize, offer: Offer) -> Hardware | None:
    kinds = sorted(offer.kinds, key=lambda kind: kind is not _THROUGHPUT_FIRST)
    for context, kind, contexts in product(_contexts(model), kinds, _CONTEXTS):
        precision = default_precision(kind)
        found = _smallest(model, kind, precision, context=context, contexts=contexts)
        if found is not None:
            return found
    return None


def _contexts(model: ModelSize) -> Iterator[int]:
    """The model's own context, as 0, then halves of it."""
    yield 0
    context = model.context_tokens // 2
    while context >= _LEAST_CONTEXT_TOKENS:
        yield context
        context //= 2


def _smallest(
    model: ModelSize,
    kind: AcceleratorType,
    precision: Precision,
    *,
    context: int,
    contexts: int = 1,
) -> Hardware | None:
    load = load_of(model, precision, context_tokens=context, contexts=contexts)
    count = smallest_count(load, kind)
    if count is None:
        return None
    return Hardware(accelerator=kind, count=count, precision=precision, max_context_tokens=context)
