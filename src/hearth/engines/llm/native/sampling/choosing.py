"""One of many, by weight or by rank, without sorting them all."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hearth.engines.llm.native.backend import Floats

Places = NDArray[np.int64]

_BLOCK = 256
_FEW = 1024
"So many are sorted or added up as they are."
_LEAST = float(np.finfo(np.float32).min)
_BUCKETS = 4096
_BUCKETS_PER_NAT = 16.0


def chosen(weights: Floats, uniform: float) -> int:
    """Return the place whose share of all weights, in their order, holds a number in [0, 1).

    Weights of 0 are never chosen. Long arrays are added up in blocks first: a running sum over
    49k of them takes 170 µs, sums of blocks take 10.
    """
    if len(weights) <= _FEW:
        return _inverted(weights, uniform * float(weights.sum(dtype=np.float64)))
    sums = np.cumsum(np.add.reduceat(weights, _block_starts(len(weights))), dtype=np.float64)
    target = uniform * float(sums[-1])
    block = int(sums.searchsorted(target, side="right"))
    if block:
        target -= float(sums[block - 1])
    start = block * _BLOCK
    return start + _inverted(weights[start : start + _BLOCK], target)


def largest(values: Floats, count: int) -> Places:
    """Return the places of the largest values, the largest first and the lower place on ties.

    Fewer than `count` where others are minus infinity.
    """
    candidates = np.flatnonzero(values >= max(_bound(values, count), _LEAST))
    order = np.argsort(-values[candidates], kind="stable")
    return candidates[order[:count]]


def cheapest(costs: Floats, weights: Floats, wanted: float) -> Places:
    """Return the fewest places that hold the wanted weight, in ascending order.

    They are taken from the least cost on, the lower place on ties; at least one. Only those near
    the border are sorted.

    Args:
        costs: at least 0 and finite, as natural logarithms are: much the same cost is expected
            within a few per cent of 1.
    """
    wanted = max(wanted, _STEP_ABOVE_ZERO)
    if len(costs) <= _FEW:
        is_kept, candidates = np.zeros(len(costs), np.bool_), np.arange(len(costs))
    else:
        buckets = np.minimum(costs * _BUCKETS_PER_NAT, _BUCKETS - 1).astype(np.int32)
        held = np.cumsum(np.bincount(buckets, weights=weights))
        border = min(int(held.searchsorted(wanted)), len(held) - 1)
        is_kept, candidates = buckets < border, np.flatnonzero(buckets == border)
        wanted -= float(held[border - 1]) if border else 0.0
    order = candidates[np.argsort(costs[candidates], kind="stable")]
    sums = np.cumsum(weights[order], dtype=np.float64)
    is_kept[order[: int(sums.searchsorted(wanted)) + 1]] = True
    return np.flatnonzero(is_kept)


_STEP_ABOVE_ZERO = float(np.nextafter(0.0, 1.0))


def _inverted(weights: Floats, target: float) -> int:
    sums = np.cumsum(weights, dtype=np.float64)
    place = int(sums.searchsorted(target, side="right"))
    if place < len(sums):
        return place
    return int(np.flatnonzero(weights)[-1])  # a block's sum was rounded up


def _bound(values: Floats, count: int) -> float:
    """Return a value that at least `count` others reach, if so many are there; not far too low.

    Values are put in groups; the maxima of groups are values, too, and far fewer.
    """
    depth = min(len(values) // (8 * count), 64)
    if depth > 1:
        values = values[: len(values) // depth * depth].reshape(depth, -1).max(axis=0)
    if count >= len(values):
        return _LEAST
    return float(np.partition(values, len(values) - count)[len(values) - count])


@lru_cache(maxsize=8)
def _block_starts(length: int) -> Places:
    return np.arange(0, length, _BLOCK)
