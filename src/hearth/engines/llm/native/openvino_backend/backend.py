"""Runs graphs on a CPU: implements `Backend` with OpenVINO's runtime."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Literal

import numpy as np
import openvino as ov

from hearth.engines.llm.native.backend import AdapterWeights, Floats, Step, Weights
from hearth.engines.llm.native.openvino_backend.adapter_pool import AdapterPool
from hearth.engines.llm.native.openvino_backend.graph import build_graph
from hearth.engines.llm.native.openvino_backend.linear import Precision
from hearth.engines.llm.native.openvino_backend.passes import Pass, grouping, passes_of
from hearth.engines.llm.native.openvino_backend.sites import fused_sites

BLOCK_TOKENS = 32  # fixed by the CPU plugin

# Kernels prepared for shapes that were seen, a few of which every step needs. OpenVINO would keep
# 5,000: with adapters they took a gigabyte in an hour, and made nothing faster.
_KEPT_KERNELS = 128

CachePrecision = Literal["f32", "bf16", "u8"]

_EXACT = {
    "INFERENCE_PRECISION_HINT": "f32",
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
}


class OpenVinoBackend:
    """A model on the CPU.

    Two graphs are compiled: one without adapters, and, before the first adapter comes, one with
    them, which is a fifth slower even where a step has none. Both use the same cache.

    Args:
        weights: read at once, and again when the first adapter comes.
        num_blocks: of the cache; memory is taken as they are used.
        cache_precision: of keys and values; f32 goes with the precision f32 and no other.
    """

    block_tokens = BLOCK_TOKENS

    def __init__(
        self,
        weights: Weights,
        precision: Precision,
        *,
        num_blocks: int,
        threads: int,
        cache_precision: CachePrecision = "f32",
    ) -> None:
        self.num_blocks = num_blocks
        self._weights = weights
        self._about = weights.architecture
        self._sites = fused_sites(weights.architecture)
        self._precision = precision
        self._cache_precision = cache_precision
        self._threads = threads
        self._plain = self._compiled(with_adapters=False)
        self._cache = self._made_cache(self._plain)
        self._share_cache(self._plain)
        self._adapted: ov.InferRequest | None = None
        self._pool = AdapterPool(self._about, ov.Type.f32 if precision == "f32" else ov.Type.bf16)
        self._arranged: Mapping[str, ov.Tensor] | None = None
        self._frequencies = [
            np.asarray(rope.inverse_frequencies, np.float64) for rope in self._about.ropes
        ]

    def forward(self, step: Step) -> Floats:
        """See `Backend`."""
        passes = passes_of(step)
        if len(passes) == 1:
            return self._run(passes[0])
        logits = np.empty((len(step.logit_rows), self._about.vocabulary_size), np.float32)
        for part in passes:
            logits[part.rows] = self._run(part)
        return logits

    def prepare_adapters(self) -> None:
        """See `Backend`; compiles the graph with adapters."""
        if self._adapted is None:
            adapted = self._compiled(with_adapters=True)
            self._share_cache(adapted)
            self._adapted = adapted

    def put_adapter(self, place: int, weights: AdapterWeights) -> None:
        """See `Backend`."""
        self._arranged = None
        self._pool.put(place, weights)

    def drop_adapter(self, place: int) -> None:
        """See `Backend`."""
        self._arranged = None
        self._pool.drop(place)

    def close(self) -> None:
        """See `Backend`."""
        del self._plain, self._adapted, self._pool, self._cache
        gc.collect()  # OpenVINO's objects refer to each other

    def _run(self, part: Pass) -> Floats:
        inputs = self._inputs(part.step)
        request = self._plain
        if part.places:
            assert self._adapted is not None, "adapters are prepared before they are put"
            request = self._adapted
            inputs |= self._adapter_inputs(part)
        found: Floats = request.infer(inputs, share_inputs=True, share_outputs=True)[0]
        return found

    def _inputs(self, step: Step) -> dict[str, np.ndarray]:
        longest = int((step.past_tokens + np.diff(step.starts)).max())
        inputs = {
            "token_ids": step.token_ids,
            "past_tokens": step.past_tokens,
            "starts": step.starts,
            "block_ids": step.block_ids,
            "block_starts": step.block_starts,
            "logit_rows": step.logit_rows,
            "longest": np.array(longest, np.int32),
        }
        for number, rope in enumerate(self._about.ropes):
            angles = step.positions[:, None] * self._frequencies[number]
            for name, table in (("cosine", np.cos(angles)), ("sine", np.sin(angles))):
                half = (table * rope.attention_factor).astype(np.float32)
                inputs[f"{name}.{number}"] = np.concatenate([half, half], 1)[:, None, None]
        return inputs

    def _adapter_inputs(self, part: Pass) -> dict[str, np.ndarray]:
        groups, tensors = self._pool.arranged(part.places)
        assert self._adapted is not None
        if tensors is not self._arranged:
            self._arranged = tensors
            for name, tensor in tensors.items():
                self._adapted.set_tensor(name, tensor)
        found = grouping(part.step, groups, len(groups))
        inputs: dict[str, np.ndarray] = {}
        for site in self._sites:
            num_members, num_pieces = len(site.members), site.num_pieces
            inputs[f"rows.{num_members}"] = found.rows(num_members)
            inputs[f"back.{num_pieces}"] = found.back(num_pieces)
            if num_pieces != num_members:
                inputs[f"pick.{site.name}"] = found.pick(num_members, site.piece_members)
        return inputs

    def _compiled(self, *, with_adapters: bool) -> ov.InferRequest:
        graph = build_graph(
            self._weights,
            self._precision,
            with_adapters=with_adapters,
            threads=self._threads,
        )
        properties = {
            "INFERENCE_NUM_THREADS": self._threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            # Pinned, two workers on a machine would share a core and leave the other idle.
            "ENABLE_CPU_PINNING": False,
            "CPU_RUNTIME_CACHE_CAPACITY": _KEPT_KERNELS,
            "KV_CACHE_PRECISION": self._cache_precision,
            **(_EXACT if self._precision == "f32" else {}),
        }
        return ov.Core().compile_model(graph, "CPU", properties).create_infer_request()

    def _made_cache(self, request: ov.InferRequest) -> dict[str, ov.Tensor]:
        cache = {}
        for each in request.get_compiled_model().inputs:
            name = each.get_any_name()
            if name.startswith(("keys.", "values.")):
                inner = [size.get_length() for size in list(each.partial_shape)[1:]]
                cache[name] = ov.Tensor(each.element_type, ov.Shape([self.num_blocks, *inner]))
        return cache

    def _share_cache(self, request: ov.InferRequest) -> None:
        for name, tensor in self._cache.items():
            request.set_tensor(name, tensor)
