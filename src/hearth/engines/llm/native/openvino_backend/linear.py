"""Linear maps whose weights are constants of the graph, in one of three precisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import openvino as ov
import openvino.opset15 as op
from numpy.typing import NDArray

from hearth.engines.llm.native.backend import Floats
from hearth.engines.llm.native.openvino_backend.ops import Node, owned

Precision = Literal["f32", "bf16", "u8"]

_ZERO_POINT = 128
_LEVELS = 127
_SMALLEST_NORMAL = 2.0**-14  # of float16
_CACHED_NUMBERS = 1 << 16  # worked on at once, so that they stay in a core's cache


def quantised(weight: Floats) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """Round each row to 255 levels around a zero point of 128; also return the rows' scales.

    Unsigned with a zero point, because signed weights fall into a path that is a third slower.

    Args:
        weight: (rows, columns).

    Returns:
        (rows, columns) and (rows, 1).
    """
    levels = np.empty(weight.shape, np.uint8)
    scales = np.empty((len(weight), 1), np.float16)
    rows = max(1, _CACHED_NUMBERS // weight.shape[1])
    for start in range(0, len(weight), rows):
        part = slice(start, start + rows)
        _quantise(weight[part], levels[part], scales[part])
    return levels, scales


def _quantise(weight: Floats, levels: NDArray[np.uint8], scales: NDArray[np.float16]) -> None:
    """Do it for as many rows as the processor's cache holds."""
    peaks = np.maximum(weight.max(1, keepdims=True), -weight.min(1, keepdims=True))
    scales[:] = peaks / _LEVELS
    divisors = scales.astype(np.float32)
    divisors[divisors == 0] = 1  # a row of zeros, or of numbers too small to matter
    scaled = weight * (1 / divisors)
    scaled += _ZERO_POINT + 0.5  # then cutting off rounds
    if divisors.min() < _SMALLEST_NORMAL:  # such scales are too coarse to keep to the levels
        np.clip(scaled, 1, 255.5, out=scaled)
    levels[:] = scaled


@dataclass(frozen=True, slots=True)
class PackedWeight:
    """A weight in the form that is kept; making it needs no graph, so threads can share the work.

    Attributes:
        values: (rows, columns); float32, the bits of bfloat16, or levels.
        scales: (rows, 1) of levels.
    """

    values: NDArray[np.float32 | np.uint16 | np.uint8]
    scales: NDArray[np.float16] | None = None


def packed(weight: Floats, precision: Precision) -> PackedWeight:
    """Bring a weight into its form."""
    if precision == "f32":
        return PackedWeight(weight)
    if precision == "bf16":
        return PackedWeight(bf16_bits(weight))
    return PackedWeight(*quantised(weight))


def linear(x: Node, weight: PackedWeight) -> Node:
    """Multiply (tokens, columns) by a weight of (rows, columns): (tokens, rows)."""
    return op.matmul(x, _unpacked(weight), False, True)


def table(weight: Floats, precision: Precision) -> Node:
    """A weight whose rows are looked up: exact, or in half precision."""
    if precision == "f32":
        return owned(weight)
    return op.convert(owned(weight.astype(np.float16)), "f32")


def _unpacked(weight: PackedWeight) -> Node:
    values, scales = weight.values, weight.scales
    if values.dtype == np.uint16:
        tensor = ov.Tensor(values, ov.Shape(list(values.shape)), ov.Type.bf16)
        # Copied, because nothing else would keep the bits.
        return op.convert(op.constant(tensor, shared_memory=False), "f32")
    if scales is None:
        return owned(values)
    zero = owned(np.full(scales.shape, _ZERO_POINT, np.uint8))
    centred = op.subtract(op.convert(owned(values), "f16"), op.convert(zero, "f16"))
    return op.convert(op.multiply(centred, owned(scales)), "f32")


def bf16_bits(values: Floats) -> NDArray[np.uint16]:
    """Round to bfloat16, to nearest even, and give the bits."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    odd = (bits >> 16) & 1
    return ((bits + (0x7FFF + odd)) >> 16).astype(np.uint16)
