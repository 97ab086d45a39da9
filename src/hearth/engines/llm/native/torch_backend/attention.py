"""The paged cache of keys and values, and attention over it (Kwon et al., 2023).

The blocks of a group's sequences are gathered side by side and attended to at once. That copies
what it reads, and it is the same code on every device. The heads that share a key are laid on the
axis of queries, so that no key is repeated and any kernel of torch will do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from hearth.engines.llm.native.torch_backend.batch import Batch

_LARGEST = 1e15  # its products, summed over a head, stay finite in float32


class KeyValueCache:
    """One layer's.

    What is in it is always finite, whatever a sequence or its adapter computes: the sequence that
    gets a block next may read what is left there, masked, and zero times NaN would be NaN.
    """

    def __init__(self, shape: tuple[int, int, int, int], like: Tensor) -> None:
        """Make one of (kv_heads, blocks, block_tokens, head_dim), all zero."""
        self.keys = like.new_zeros(shape)
        self.values = like.new_zeros(shape)

    def write(self, slots: Tensor, keys: Tensor, values: Tensor) -> None:
        """Store what belongs to (T,) slots, both (T, kv_heads, head_dim)."""
        for kept, new in ((self.keys, keys), (self.values, values)):
            finite = new.nan_to_num(nan=0.0).clamp(-_LARGEST, _LARGEST)
            kept.flatten(1, 2).index_copy_(1, slots, finite.transpose(0, 1))

    def read(self, table: Tensor) -> tuple[Tensor, Tensor]:
        """Gather the blocks of (B, W), both (kv_heads, B, W x block_tokens, head_dim)."""
        return self.keys[:, table].flatten(2, 3), self.values[:, table].flatten(2, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """What all layers of a model share: see `Architecture`."""

    scale: float
    softcap: float
    block_tokens: int
    queries_per_key: int


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one group may see of its sequences, in layers of one window."""

    rows: Tensor
    "(B, n)"
    table: Tensor
    "(B, W)"
    window: int
    positions: Tensor
    "(B, n)"
    bias: Tensor | None
    "(B, n x queries_per_key, W x block_tokens): 0 where a key may be seen, else -inf."


class Attention(Protocol):
    """How queries meet the cache."""

    @property
    def needs_bias(self) -> bool:
        """Whether it reads the `bias` of views."""
        ...

    def __call__(self, query: Tensor, cache: KeyValueCache, views: Sequence[View]) -> Tensor:
        """Attend with (T, heads, head_dim); what comes is of the same shape."""
        ...


def make_views(
    batch: Batch, window: int, scoring: Scoring, bias_type: torch.dtype | None
) -> list[View]:
    """What the groups of a step see in layers of a window; without a type, no bias is made."""
    views = []
    for group in batch.groups:
        positions = batch.positions[group.rows]
        width = group.table.shape[1] * scoring.block_tokens
        bias = None
        if bias_type is not None:
            bias = _bias(positions, window, width).to(bias_type)
            bias = bias.repeat_interleave(scoring.queries_per_key, dim=1)
        views.append(
            View(rows=group.rows, table=group.table, window=window, positions=positions, bias=bias)
        )
    return views


def _bias(positions: Tensor, window: int, width: int) -> Tensor:
    keys = torch.arange(width, device=positions.device)
    queries = positions[..., None]
    is_seen = keys <= queries
    if window:
        is_seen &= keys > queries - window
    return torch.zeros(is_seen.shape, device=keys.device).masked_fill_(~is_seen, -torch.inf)


class GatheredAttention:
    """See the module."""

    needs_bias = True

    def __init__(self, scoring: Scoring) -> None:
        self._scoring = scoring

    def __call__(self, query: Tensor, cache: KeyValueCache, views: Sequence[View]) -> Tensor:
        """See `Attention`."""
        output = torch.empty_like(query)
        for view in views:
            keys, values = cache.read(view.table)
            shape = (*view.rows.shape, len(keys), self._scoring.queries_per_key, -1)
            folded = query[view.rows].reshape(shape).permute(2, 0, 1, 3, 4).flatten(2, 3)
            assert view.bias is not None
            attended = self._attend(folded, keys, values, view.bias)
            unfolded = attended.reshape(len(keys), *shape[:2], -1, query.shape[-1])
            output[view.rows] = unfolded.permute(1, 2, 0, 3, 4).flatten(2, 3)
        return output

    def _attend(self, query: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
        """(kv_heads, B, queries, head_dim) with (kv_heads, B, keys, head_dim)."""
        scale, cap = self._scoring.scale, self._scoring.softcap
        if not cap:
            return functional.scaled_dot_product_attention(
                query, keys, values, attn_mask=bias, scale=scale
            )
        scores = query.float() @ keys.float().mT * scale
        weights = torch.softmax(cap * torch.tanh(scores / cap) + bias, dim=-1)
        return (weights @ values.float()).to(query.dtype)
