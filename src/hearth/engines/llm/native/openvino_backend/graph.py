"""A model as an OpenVINO graph: an architecture and its weights in, an `openvino.Model` out.

One flat token axis, as in `Step`: (tokens, features) from the embedding to the last norm, logits
for chosen rows only.
"""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial

import numpy as np
import openvino as ov
import openvino.opset15 as op

from hearth.engines.llm.native.architecture import Architecture
from hearth.engines.llm.native.backend import Weights
from hearth.engines.llm.native.openvino_backend.attention import cache_inputs, paged_attention
from hearth.engines.llm.native.openvino_backend.linear import (
    PackedWeight,
    Precision,
    linear,
    packed,
    table,
)
from hearth.engines.llm.native.openvino_backend.lora_graph import LoraGraph
from hearth.engines.llm.native.openvino_backend.ops import (
    Node,
    Value,
    activated,
    constant,
    gather_rows,
    parameter,
    reshape,
    rms_norm,
    rotated,
    softcapped,
)
from hearth.engines.llm.native.openvino_backend.sites import FusedSite, fused_sites
from hearth.errors import SetupError


def build_graph(
    weights: Weights, precision: Precision, *, with_adapters: bool, threads: int
) -> ov.Model:
    """Write the graph down; of the weights only the form that is kept stays.

    Args:
        threads: read weights and bring them into their form, ahead of the graph.

    Raises:
        SetupError: the architecture asks for what OpenVINO has not.
    """
    if weights.architecture.attention_softcap:
        raise SetupError(
            f"OpenVINO cannot cap attention scores, which {weights.architecture.family} needs; "
            "serve it on a GPU, or as GGUF with the engine llamacpp."
        )
    with ThreadPoolExecutor(threads) as readers:
        return _GraphBuilder(weights, precision, readers, with_adapters=with_adapters).build()


class _GraphBuilder:
    def __init__(
        self, weights: Weights, precision: Precision, readers: Executor, *, with_adapters: bool
    ) -> None:
        self._weights = weights
        self._about: Architecture = weights.architecture
        self._precision = precision
        sites = fused_sites(self._about)
        self._sites = {site.name: site for site in sites}
        names = [
            tuple(f"layers.{layer}.{member}" for member in site.members)
            for layer in range(self._about.num_layers)
            for site in sites
        ]
        names.append(("embed" if self._about.is_tied else "head",))
        self._packed = readers.map(self._read, names)  # in the order in which they are used
        kind = ov.Type.f32 if precision == "f32" else ov.Type.bf16
        self._lora = LoraGraph(self._about, kind) if with_adapters else None
        self._where = cache_inputs()
        self._parameters: list[Node] = self._where.nodes()
        self._ropes = [
            tuple(
                self._input(f"{part}.{number}", (-1, 1, 1, self._about.head_dim), ov.Type.f32)
                for part in ("cosine", "sine")
            )
            for number in range(len(self._about.ropes))
        ]

    def build(self) -> ov.Model:
        about = self._about
        ids = self._input("token_ids", (-1,), ov.Type.i32)
        chosen = self._input("logit_rows", (-1,), ov.Type.i32)
        embedding = table(self._weights.tensor("embed"), self._precision)
        x = op.gather(embedding, ids, constant(0, np.int32))
        if about.embedding_scale != 1:
            x = op.multiply(x, constant(about.embedding_scale, np.float32))
        for layer in range(about.num_layers):
            x = self._layer(x, layer)
        x = self._norm(gather_rows(x, chosen), "norm")
        logits = linear(x, next(self._packed))
        if about.logit_softcap:
            logits = softcapped(logits, about.logit_softcap)
        inputs = self._parameters + ([] if self._lora is None else self._lora.parameters)
        return ov.Model([logits], inputs, about.family)

    def _layer(self, x: Node, layer: int) -> Node:
        read = partial(self._norm, layer=layer)
        attended = self._attention(read(x, "attention_norm"), layer)
        if self._about.has_post_norms:
            attended = read(attended, "post_attention_norm")
        x = op.add(x, attended)
        made = self._mlp(read(x, "mlp_norm"), layer)
        if self._about.has_post_norms:
            made = read(made, "post_mlp_norm")
        return op.add(x, made)

    def _attention(self, x: Node, layer: int) -> Node:
        about = self._about
        q, k, v = self._split(self._map(x, layer, "qkv"), about.query_size, about.kv_size)
        cosine, sine = self._ropes[about.layer_ropes[layer]]
        heads = []
        for part, norm, num in ((q, "q_norm", about.num_heads), (k, "k_norm", about.num_kv_heads)):
            each: Node = reshape(part, -1, num, 1, about.head_dim)
            if about.has_qk_norm:
                each = self._norm(each, norm, layer=layer)
            turned = rotated(each, cosine, sine, head_dim=about.head_dim)
            heads.append(reshape(turned, -1, num * about.head_dim))
        caches = [
            self._input(f"{part}.{layer}", (-1, -1, -1, -1), ov.Type.dynamic)
            for part in ("keys", "values")
        ]
        attended = paged_attention(
            (heads[0], heads[1], v),
            (caches[0], caches[1]),
            self._where,
            architecture=about,
            window=about.layer_windows[layer],
        )
        return self._map(reshape(attended, -1, about.query_size), layer, "o")

    def _mlp(self, x: Node, layer: int) -> Node:
        both = self._map(x, layer, "gate_up")
        gate, up = op.variadic_split(
            both, constant(1, np.int64), constant([self._about.intermediate_size] * 2, np.int64)
        ).outputs()
        made = op.multiply(activated(gate, self._about.activation), up)
        return self._map(made, layer, "down")

    def _map(self, x: Node, layer: int, name: str) -> Node:
        """A fused linear map with its biases and adapters."""
        site = self._sites[name]
        prefix = f"layers.{layer}."
        y = linear(x, next(self._packed))
        bias = self._bias(prefix, site)
        if bias is not None:
            y = op.add(y, bias)
        return y if self._lora is None else self._lora.added(x, y, layer, site)

    def _read(self, names: tuple[str, ...]) -> PackedWeight:
        """The weights so named, one below the other."""
        parts = [self._weights.tensor(name) for name in names]
        return packed(parts[0] if len(parts) == 1 else np.concatenate(parts), self._precision)

    def _bias(self, prefix: str, site: FusedSite) -> Node | None:
        about = self._about
        if not about.biases.intersection(site.members):
            return None
        parts = [
            self._weights.tensor(f"{prefix}{member}.bias")
            if member in about.biases
            else np.zeros(about.shape(member)[0], np.float32)
            for member in site.members
        ]
        return op.constant(np.concatenate(parts)[None])

    def _split(self, x: Node, first: int, others: int) -> tuple[Value, Value, Value]:
        sizes = constant([first, others, others], np.int64)
        q, k, v = op.variadic_split(x, constant(1, np.int64), sizes).outputs()
        return q, k, v

    def _norm(self, x: Node, name: str, *, layer: int | None = None) -> Node:
        prefix = "" if layer is None else f"layers.{layer}."
        return rms_norm(x, self._weights.tensor(prefix + name), self._about.norm_eps)

    def _input(self, name: str, shape: tuple[int, ...], kind: ov.Type) -> Node:
        node = parameter(name, shape, kind)
        self._parameters.append(node)
        return node
