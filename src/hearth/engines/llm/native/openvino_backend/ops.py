"""Small pieces of graphs, written so that OpenVINO's CPU plugin fuses each into one node.

What it fuses it finds by pattern: the RMS norm and the rotation below must keep their exact form
(`tests/engines/llm/native/openvino_backend/test_graph.py` counts the fused nodes).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import openvino as ov
import openvino.opset15 as op
from numpy.typing import DTypeLike, NDArray

from hearth.engines.llm.native.architecture import Activation
from hearth.engines.llm.native.backend import Floats

Node: TypeAlias = Any  # `openvino.Node`, which has no usable types
Value: TypeAlias = Any  # `openvino.Output`

_TO_THE_END = 2**63 - 1


def value(of: Node) -> Value:
    """The single result of a node."""
    return of if isinstance(of, ov.Output) else of.output(0)


def constant(values: object, dtype: DTypeLike) -> Node:
    """A constant small enough to be written where it is used."""
    return op.constant(np.asarray(values, dtype))


def parameter(name: str, shape: Sequence[int], kind: ov.Type) -> Node:
    """An input of the graph, known by its name; -1 stands for a size that changes."""
    node = op.parameter(ov.PartialShape(list(shape)), kind, name)
    node.get_output_tensor(0).set_names({name})
    return node


def reshape(x: Node, *shape: int) -> Node:
    """The same numbers in another shape."""
    return op.reshape(x, constant(shape, np.int64), False)


def gather_rows(x: Node, rows: Node) -> Node:
    """The rows so numbered; one that is not there is zero, which `probe` checks."""
    return op.gather(x, rows, constant(0, np.int32))


def rms_norm(x: Node, weight: Floats, eps: float) -> Node:
    """Root mean square norm over the last axis (Zhang and Sennrich, 2019)."""
    rank = value(x).get_partial_shape().rank.get_length()
    shape = (1,) * rank
    squares = op.power(x, constant(np.full(shape, 2), np.float32))
    mean = op.reduce_mean(squares, constant([-1], np.int32), True)
    root = op.sqrt(op.add(mean, constant(np.full(shape, eps), np.float32)))
    scaled = op.multiply(x, op.divide(constant(np.ones(shape), np.float32), root))
    return op.multiply(scaled, owned(weight.reshape(*shape[:-1], -1)))


def rotated(x: Node, cosine: Node, sine: Node, *, head_dim: int) -> Node:
    """Rotary embedding of (tokens, heads, 1, head_dim)."""
    half = head_dim // 2

    def part(start: int, stop: int) -> Node:
        ends = [constant([each], np.int64) for each in (start, stop, 1, 3)]
        return op.slice(x, *ends)

    negated = op.multiply(part(half, _TO_THE_END), constant(np.full((1, 1, 1, 1), -1), np.float32))
    turned = op.concat([negated, part(0, half)], -1)  # not axis 3, which is not fused
    return op.add(op.multiply(x, cosine), op.multiply(turned, sine))


def softcapped(x: Node, cap: float) -> Node:
    """cap * tanh(x / cap) (Gemma 2)."""
    return op.multiply(
        op.tanh(op.multiply(x, constant(1 / cap, np.float32))), constant(cap, np.float32)
    )


def activated(x: Node, kind: Activation) -> Node:
    """The non-linearity of an MLP."""
    return op.swish(x) if kind == "silu" else op.gelu(x, "tanh")


def owned(values: NDArray[np.generic]) -> Node:
    """A large constant that takes over the memory of its array, where that may be written to."""
    return op.constant(np.require(values, requirements=["C", "W"]), shared_memory=True)
