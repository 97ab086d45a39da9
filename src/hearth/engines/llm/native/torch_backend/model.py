"""The transformer itself, over one flat axis of tokens: read `Transformer.forward` first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from hearth.engines.llm.native.architecture import Architecture, Site
from hearth.engines.llm.native.torch_backend.attention import (
    Attention,
    KeyValueCache,
    Scoring,
    View,
    make_views,
)
from hearth.engines.llm.native.torch_backend.batch import Batch
from hearth.engines.llm.native.torch_backend.layers import (
    ACTIVATIONS,
    rms_norm,
    rotate,
    rotation,
    softcap,
)
from hearth.engines.llm.native.torch_backend.linear import Linear
from hearth.engines.llm.native.torch_backend.lora import Adapters
from hearth.engines.llm.native.torch_backend.shard import Shard

Rotation = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """Linear maps of the same inputs as one, and what adapters add to each of them."""

    linear: Linear
    layer: int
    sites: tuple[tuple[Site, int], ...]
    "Which maps, and the rows of each, in the order they are stacked."
    adapters: Adapters

    def __call__(self, inputs: Tensor, batch: Batch) -> tuple[Tensor, ...]:
        """Map (T, columns) to (T, rows) for each of the sites."""
        outputs = self.linear(inputs).split_with_sizes([rows for _, rows in self.sites], dim=-1)
        for (site, _), output in zip(self.sites, outputs, strict=True):
            self.adapters.add(output, inputs, (self.layer, site), batch)
        return outputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer's tensors; what an architecture does not have is None."""

    qkv: Projection
    o: Projection
    gate_up: Projection
    down: Projection
    attention_norm: Tensor
    mlp_norm: Tensor
    post_attention_norm: Tensor | None
    post_mlp_norm: Tensor | None
    q_norm: Tensor | None
    k_norm: Tensor | None
    cache: KeyValueCache


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """What is there once for all layers."""

    embed: Tensor
    "(vocabulary, hidden)"
    norm: Tensor
    head: Linear
    ropes: tuple[tuple[Tensor, float], ...]
    "Frequencies and attention factor of each."
    scoring: Scoring
    shard: Shard


class Transformer:
    """A model, or one process's share of it.

    Args:
        architecture: of the share.
    """

    def __init__(
        self, architecture: Architecture, layers: Sequence[Layer], top: Top, attention: Attention
    ) -> None:
        self._architecture = architecture
        self._layers = layers
        self._top = top
        self._attention = attention

    def forward(self, batch: Batch) -> Tensor:
        """Compute a step; return (R, vocabulary) logits in float32."""
        hidden = functional.embedding(batch.token_ids, self._top.embed)
        hidden = hidden * self._architecture.embedding_scale
        rotations = [
            rotation(batch.positions, frequencies, factor)
            for frequencies, factor in self._top.ropes
        ]
        views = self._views(batch, hidden.dtype)
        for index, layer in enumerate(self._layers):
            turn = rotations[self._architecture.layer_ropes[index]]
            seen = views[self._architecture.layer_windows[index]]
            hidden = hidden + self._attend(layer, hidden, turn, seen, batch)
            hidden = hidden + self._mlp(layer, hidden, batch)
        return self._head(hidden[batch.logit_rows])

    def _attend(
        self, layer: Layer, hidden: Tensor, turn: Rotation, seen: list[View], batch: Batch
    ) -> Tensor:
        normed = self._norm(hidden, layer.attention_norm)
        query, key, value = (
            part.reshape(len(part), -1, self._architecture.head_dim)
            for part in layer.qkv(normed, batch)
        )
        query = rotate(self._norm(query, layer.q_norm), *turn)
        key = rotate(self._norm(key, layer.k_norm), *turn)
        layer.cache.write(batch.slots, key, value)
        attended = self._attention(query, layer.cache, seen)
        (output,) = layer.o(attended.flatten(1), batch)
        return self._norm(self._top.shard.sum(output), layer.post_attention_norm)

    def _mlp(self, layer: Layer, hidden: Tensor, batch: Batch) -> Tensor:
        normed = self._norm(hidden, layer.mlp_norm)
        gate, up = layer.gate_up(normed, batch)
        activation = ACTIVATIONS[self._architecture.activation]
        (output,) = layer.down(activation(gate) * up, batch)
        return self._norm(self._top.shard.sum(output), layer.post_mlp_norm)

    def _head(self, hidden: Tensor) -> Tensor:
        logits = self._top.head(self._norm(hidden, self._top.norm))
        logits = self._top.shard.gather(logits, self._architecture.vocabulary_size).float()
        cap = self._architecture.logit_softcap
        return softcap(logits, cap) if cap else logits

    def _norm(self, inputs: Tensor, weight: Tensor | None) -> Tensor:
        if weight is None:
            return inputs
        return rms_norm(inputs, weight, self._architecture.norm_eps)

    def _views(self, batch: Batch, dtype: torch.dtype) -> dict[int, list[View]]:
        bias_type = dtype if self._attention.needs_bias else None
        return {
            window: make_views(batch, window, self._top.scoring, bias_type)
            for window in sorted(set(self._architecture.layer_windows))
        }
