"""A step as tensors: what every layer looks up is worked out once, in numpy, and moved at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hearth.engines.llm.native.backend import NO_ADAPTER, Ints, Step

Longs = NDArray[np.int64]

_TENSORS = ("token_ids", "positions", "slots", "places", "logit_rows")  # of `Batch`


@dataclass(frozen=True, slots=True)
class Group:
    """Pieces of n tokens each, B of them, that attend together."""

    rows: Tensor
    "(B, n) their tokens on the token axis."
    table: Tensor
    "(B, W) the blocks of each sequence, filled up with the scratch block."


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A `Step` on a device."""

    token_ids: Tensor
    "(T,)"
    positions: Tensor
    "(T,)"
    slots: Tensor
    "(T,) where keys and values go: block x block_tokens + offset."
    places: Tensor
    "(T,) of each token's adapter, or `NO_ADAPTER`."
    logit_rows: Tensor
    "(R,)"
    groups: tuple[Group, ...]
    adapter_rows: tuple[tuple[int, Tensor], ...] | None
    "The rows of each adapter there is; None: unknown here, `places` alone tells."

    def to(self, device: torch.device) -> Batch:
        """Copy it there."""
        tensors = {name: getattr(self, name).to(device) for name in _TENSORS}
        groups = [Group(group.rows.to(device), group.table.to(device)) for group in self.groups]
        rows = self.adapter_rows and tuple((p, rows.to(device)) for p, rows in self.adapter_rows)
        return Batch(**tensors, groups=tuple(groups), adapter_rows=rows)

    def clone(self) -> Batch:
        """Copy it where it is; adapters are as unknown as they were."""
        tensors = {name: getattr(self, name).clone() for name in _TENSORS}
        groups = [Group(group.rows.clone(), group.table.clone()) for group in self.groups]
        return Batch(**tensors, groups=tuple(groups), adapter_rows=self.adapter_rows)

    def copy_from(self, other: Batch) -> None:
        """Overwrite these tensors with a batch of the same shape, whose adapters are unknown."""
        for name in _TENSORS:
            getattr(self, name).copy_(getattr(other, name))
        for mine, theirs in zip(self.groups, other.groups, strict=True):
            mine.rows.copy_(theirs.rows)
            mine.table.copy_(theirs.table)


def make_batch(step: Step, *, block_tokens: int, scratch_block: int) -> Batch:
    """Put pieces of one length and of like context into groups, so that padding stays small."""
    lengths = np.diff(step.starts)
    groups = []
    needed = blocks_needed(step, block_tokens)
    keys = np.stack([lengths, width_of(needed)], axis=1)
    for key in np.unique(keys[lengths > 0], axis=0):
        members = np.flatnonzero((keys == key).all(axis=1))
        table = _table(step, members, needed, int(needed[members].max()), scratch_block)
        rows = step.starts[members][:, None] + np.arange(key[0])
        groups.append(Group(_long(rows), _long(table)))
    places = np.repeat(step.adapters, lengths)
    used = [int(place) for place in np.unique(places) if place != NO_ADAPTER]
    adapter_rows = tuple((place, _long(np.flatnonzero(places == place))) for place in used)
    return _batch(step, places, tuple(groups), adapter_rows, block_tokens)


def make_decode_batch(step: Step, *, width: int, block_tokens: int, scratch_block: int) -> Batch:
    """One group of one-token pieces and tables of a fixed width, which a graph can be made of."""
    members = np.arange(len(step.adapters))
    needed = blocks_needed(step, block_tokens)
    table = _table(step, members, needed, width, scratch_block)
    groups = (Group(_long(members[:, None]), _long(table)),)
    adapter_rows = () if (step.adapters == NO_ADAPTER).all() else None
    return _batch(step, step.adapters, groups, adapter_rows, block_tokens)


def blocks_needed(step: Step, block_tokens: int) -> Ints:
    """(S,) blocks that hold each sequence after this step."""
    return -(-(step.past_tokens + np.diff(step.starts)) // block_tokens)


def width_of(blocks: Ints) -> Longs:
    """Round up to powers of two, so that there are few shapes."""
    return np.exp2(np.ceil(np.log2(np.maximum(blocks, 1)))).astype(np.int64)


def _batch(
    step: Step,
    places: Ints,
    groups: tuple[Group, ...],
    adapter_rows: tuple[tuple[int, Tensor], ...] | None,
    block_tokens: int,
) -> Batch:
    sequences = np.repeat(np.arange(len(step.adapters)), np.diff(step.starts))
    blocks = step.block_ids[step.block_starts[sequences] + step.positions // block_tokens]
    slots = blocks.astype(np.int64) * block_tokens + step.positions % block_tokens
    return Batch(
        token_ids=_long(step.token_ids),
        positions=_long(step.positions),
        slots=_long(slots),
        places=_long(places),
        logit_rows=_long(step.logit_rows),
        groups=groups,
        adapter_rows=adapter_rows,
    )


def _table(step: Step, members: Longs, needed: Ints, width: int, scratch_block: int) -> Longs:
    columns = np.arange(width)
    entries = step.block_starts[members][:, None] + columns
    is_held = columns < needed[members][:, None]
    held = step.block_ids[np.minimum(entries, len(step.block_ids) - 1)]
    return np.where(is_held, held, scratch_block).astype(np.int64)


def _long(values: Ints | Longs) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.int64))
