"""Random adapters: as the engine takes them, and in a model of PEFT."""

from __future__ import annotations

from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model

from hearth.engines.llm.native.architecture import SITES
from hearth.engines.llm.native.backend import AdapterWeights, LoraPair
from tests.engines.llm.native.tiny import Tiny, site_module

SCALE = 2.0  # alpha over rank


def adapted(model: Tiny, *, rank: int, seed: int) -> AdapterWeights:
    """Put an adapter of all linear maps, of a larger rank in queries, into the model itself."""
    ranks = {".*q_proj": rank + 3}
    config = LoraConfig(
        r=rank,
        lora_alpha=int(SCALE * rank),
        rank_pattern=ranks,
        alpha_pattern={name: int(SCALE * larger) for name, larger in ranks.items()},
        target_modules=[site_module(0, site).rpartition(".")[2] for site in SITES],
    )
    peft: Any = inject_adapter_in_model(config, model.model)
    torch.manual_seed(seed)
    for name, parameter in peft.named_parameters():
        if "lora_" in name:
            parameter.data.normal_(std=0.15)
    return {
        (layer, site): _pair(model.model.get_submodule(site_module(layer, site)))
        for layer in range(model.architecture.num_layers)
        for site in SITES
    }


def _pair(module: Any) -> LoraPair:
    a, b = (getattr(module, f"lora_{side}")["default"].weight.detach() for side in "AB")
    return LoraPair(a=a.numpy().copy(), b=SCALE * b.numpy())
