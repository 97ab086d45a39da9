"""Every tensor in its place: one process's share of a model, made as a plan says."""

from __future__ import annotations

from functools import partial

import msgspec
import numpy as np
import torch
from torch import Tensor

from hearth.engines.llm.native.architecture import Architecture, Site
from hearth.engines.llm.native.backend import Weights
from hearth.engines.llm.native.torch_backend.attention import (
    Attention,
    GatheredAttention,
    KeyValueCache,
    Scoring,
)
from hearth.engines.llm.native.torch_backend.backend import TorchBackend
from hearth.engines.llm.native.torch_backend.build import BLOCK_TOKENS
from hearth.engines.llm.native.torch_backend.cuda_graphs import Capture, CudaRecorder, DecodeGraphs
from hearth.engines.llm.native.torch_backend.flash import flash_attention
from hearth.engines.llm.native.torch_backend.linear import (
    DenseLinear,
    Precision,
    compute_type,
    make_linear,
)
from hearth.engines.llm.native.torch_backend.lora import Adapters
from hearth.engines.llm.native.torch_backend.model import Layer, Projection, Top, Transformer
from hearth.engines.llm.native.torch_backend.shard import Shard


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is to load; it is told to those that follow."""

    architecture: Architecture
    "Of the whole model."
    precision: Precision
    resident_adapters: int
    num_blocks: int
    threads: int
    device: str
    shard: Shard


def assemble(plan: Plan, weights: Weights, capture: Capture | None = None) -> TorchBackend:
    """Make a backend of weights that are cut to the plan's share already.

    They are asked for once each, in an order that depends on the architecture alone.

    Args:
        plan: see there.
        weights: of the share.
        capture: records decode steps; None: they are recorded on a GPU that is alone.
    """
    assembly = _Assembly(plan, weights)
    with torch.inference_mode():
        model = assembly.model()
    device, graphs = torch.device(plan.device), None
    if capture is None and device.type == "cuda" and plan.shard.world == 1:
        capture = CudaRecorder()
    if capture is not None:
        graphs = DecodeGraphs(
            model.forward,
            assembly.adapters,
            capture,
            scratch_block=plan.num_blocks,
            reads_padding=assembly.attention.needs_bias,
        )
    return TorchBackend(
        model, assembly.adapters, device=device, num_blocks=plan.num_blocks, graphs=graphs
    )


class _Assembly:
    def __init__(self, plan: Plan, weights: Weights) -> None:
        self._plan = plan
        self._weights = weights
        self._architecture = architecture = plan.shard.local(plan.architecture)
        self._names = architecture.tensor_shapes().keys()
        self._device = torch.device(plan.device)
        self._like = torch.empty(0, dtype=compute_type(plan.precision), device=self._device)
        self._scoring = Scoring(
            scale=architecture.attention_scale,
            softcap=architecture.attention_softcap,
            block_tokens=BLOCK_TOKENS,
            queries_per_key=architecture.num_heads // architecture.num_kv_heads,
        )
        self.adapters = Adapters(architecture, places=plan.resident_adapters, like=self._like)
        self.attention: Attention = GatheredAttention(self._scoring)

    def model(self) -> Transformer:
        """Read everything, from the embedding to the head."""
        embed = self._tensor("embed").to(self._like)
        layers = [self._layer(index) for index in range(self._architecture.num_layers)]
        flash = flash_attention(self._scoring, layers[0].cache)
        self.attention = flash or self.attention
        top = self._top(embed)
        return Transformer(self._architecture, layers, top, self.attention)

    def _top(self, embed: Tensor) -> Top:
        architecture, shard = self._architecture, self._plan.shard
        norm = self._tensor("norm")
        if architecture.is_tied:
            head = embed.tensor_split(shard.world)[shard.rank]
        else:
            head = self._tensor("head").to(self._like)
        frequencies = [
            torch.tensor(rope.inverse_frequencies, dtype=torch.float32, device=self._device)
            for rope in architecture.ropes
        ]
        factors = [rope.attention_factor for rope in architecture.ropes]
        return Top(
            embed=embed,
            norm=norm,
            head=DenseLinear(head),
            ropes=tuple(zip(frequencies, factors, strict=True)),
            scoring=self._scoring,
            shard=shard,
        )

    def _layer(self, index: int) -> Layer:
        architecture, name = self._architecture, f"layers.{index}."
        projection = partial(self._projection, index)
        norm = partial(self._norm, name)
        shape = (architecture.num_kv_heads, self._plan.num_blocks + 1, BLOCK_TOKENS)
        return Layer(
            qkv=projection("q", "k", "v"),
            o=projection("o"),
            gate_up=projection("gate", "up"),
            down=projection("down"),
            attention_norm=self._tensor(f"{name}attention_norm"),
            mlp_norm=self._tensor(f"{name}mlp_norm"),
            post_attention_norm=norm("post_attention_norm"),
            post_mlp_norm=norm("post_mlp_norm"),
            q_norm=norm("q_norm"),
            k_norm=norm("k_norm"),
            cache=KeyValueCache((*shape, architecture.head_dim), self._like),
        )

    def _projection(self, layer: int, *sites: Site) -> Projection:
        architecture, names = self._architecture, [f"layers.{layer}.{site}" for site in sites]
        rows = [architecture.shape(site)[0] for site in sites]
        weight = torch.cat([self._tensor(name) for name in names])
        bias = None
        if architecture.biases & set(sites):
            parts = [
                self._tensor(f"{name}.bias")
                if site in architecture.biases
                else weight.new_zeros(count)
                for name, site, count in zip(names, sites, rows, strict=True)
            ]
            bias = torch.cat(parts)
        return Projection(
            linear=make_linear(weight, bias, self._plan.precision),
            layer=layer,
            sites=tuple(zip(sites, rows, strict=True)),
            adapters=self.adapters,
        )

    def _norm(self, prefix: str, name: str) -> Tensor | None:
        full = f"{prefix}{name}"
        return self._tensor(full) if full in self._names else None

    def _tensor(self, name: str) -> Tensor:
        """On the device, in float32."""
        array = np.require(self._weights.tensor(name), np.float32, ["C", "W"])
        return torch.from_numpy(array).to(self._device)
