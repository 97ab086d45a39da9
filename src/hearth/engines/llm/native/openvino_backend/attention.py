"""Paged attention (Kwon et al., 2023) as OpenVINO's CPU plugin has it: an op without public face.

Its 28 inputs are those of 2026.4.1. The version is pinned for it, and `probe` compares it with
plain numpy before a model is served.
"""

from __future__ import annotations

import numpy as np
import openvino as ov
import openvino.opset15 as op
from msgspec import Struct

from hearth.engines.llm.native.architecture import Architecture
from hearth.engines.llm.native.openvino_backend.ops import Node, Value, constant, parameter, value
from hearth.errors import SetupError


class CacheInputs(Struct, frozen=True):
    """The inputs that say where each sequence's keys and values lie; see `Step`."""

    past_tokens: Node
    starts: Node
    block_ids: Node
    block_starts: Node
    longest: Node
    "Tokens of the longest sequence, this step's included."

    def nodes(self) -> list[Node]:
        """All of them."""
        return [self.past_tokens, self.starts, self.block_ids, self.block_starts, self.longest]


def cache_inputs() -> CacheInputs:
    """Declare them."""
    kind = ov.Type.i32
    names = ("past_tokens", "starts", "block_ids", "block_starts")
    past, starts, ids, id_starts = (parameter(name, [-1], kind) for name in names)
    return CacheInputs(past, starts, ids, id_starts, parameter("longest", [], kind))


def paged_attention(
    qkv: tuple[Node, Node, Node],
    caches: tuple[Node, Node],
    where: CacheInputs,
    *,
    architecture: Architecture,
    window: int,
) -> Value:
    """Attend over the cache, after the new keys and values were written into it.

    Args:
        qkv: (tokens, heads * head_dim) each.
        caches: inputs for the layer's keys and values.
        window: see `Architecture.layer_windows`.

    Raises:
        SetupError: this OpenVINO has no such op.
    """
    try:
        from openvino.op import _PagedAttentionExtension
    except ImportError:
        raise SetupError(_MISSING) from None
    node = _PagedAttentionExtension(
        [
            *(value(each) for each in (*qkv, *caches)),
            *(value(each) for each in where.nodes()[:4]),
            *_settings(architecture.attention_scale, window, where.longest),
        ]
    )
    info = node.get_rt_info()
    info["k_head_size"] = info["v_head_size"] = architecture.head_dim
    info["num_k_heads"] = info["num_v_heads"] = architecture.num_kv_heads
    return node.output(0)


_MISSING = (
    "The installed OpenVINO has no paged attention that Python can reach; install the version that "
    "Hearth pins, or serve GGUF weights with the engine llamacpp."
)


def _settings(scale: float, window: int, longest: Node) -> list[Value]:
    """The inputs from the tenth on; what nothing here uses is empty or zero."""
    zero = constant(0, np.int32)

    def none(dtype: type[np.generic], *shape: int) -> Node:
        return op.constant(np.zeros(shape or (0,), dtype))

    def integers() -> Node:
        return none(np.int32)

    def floats() -> Node:
        return none(np.float32)

    nodes = [
        constant(scale, np.float32),
        constant(window, np.int32),
        floats(),  # slopes of ALiBi
        longest,
        integers(),  # score aggregation window
        *(integers(), integers(), floats()),  # rotation of kept blocks
        *(floats(), zero, zero),  # sparse attention
        none(np.float32, 0, 0, 0, 0),  # attention sinks
        zero,  # adaptive eviction, here and the next
        *(integers(), integers(), integers(), integers()),
        none(np.uint8),  # bias between queries
        integers(),
    ]
    return [value(node) for node in nodes]
