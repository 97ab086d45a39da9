"""One run: our backend first, then the rival, one model in memory at a time."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import Literal

import torch

from benchmarks.gpu import roofline, shapes, steps
from benchmarks.gpu.report import Decode, Report
from hearth.engines.llm.native.architecture import Architecture
from hearth.engines.llm.native.backend import Backend
from hearth.engines.llm.native.torch_backend import build_torch_backend
from hearth.engines.llm.native_options import NativeOptions

_STREAMS = (1, 4, 16, 64, 256)
_GIB = 1 << 30

Precision = Literal["bf16", "fp8"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much is measured."""

    architecture: Architecture
    context: int
    "Tokens that streams have when they decode."
    num_steps: int
    chunks: tuple[int, ...]
    "Tokens of a prompt that are computed at once."
    copy_bytes: int
    rival_tokens: int
    "That each stream of the rival makes; 0: there is none."


def full(*, has_rival: bool) -> Scale:
    """What is worth measuring on a GPU of 48 GB and more."""
    return Scale(
        architecture=shapes.llama_8b(),
        context=512,
        num_steps=32,
        chunks=(256, 2048),  # while others wait, and when nobody does
        copy_bytes=4 * _GIB,
        rival_tokens=128 if has_rival else 0,
    )


def tiny() -> Scale:
    """Enough to see that the benchmark works."""
    return Scale(
        architecture=shapes.tiny(),
        context=33,
        num_steps=3,
        chunks=(32, 64),
        copy_bytes=_GIB // 128,
        rival_tokens=0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run on one device."""

    scale: Scale
    device: torch.device
    precision: Precision

    def measure(self) -> Report:
        """See the module."""
        bandwidth = roofline.copy_bandwidth(self.device, self.scale.copy_bytes)
        backend = self._backend()
        prefill = {tokens: self._prefill(backend, tokens) for tokens in self.scale.chunks}
        times = {count: self._decode(backend, count) for count in _STREAMS}
        backend.close()
        del backend
        gc.collect()
        torch.cuda.empty_cache()
        rivals = self._rivals()
        is_gpu = self.device.type == "cuda"
        return Report(
            device=torch.cuda.get_device_name(self.device) if is_gpu else "cpu",
            precision=self.precision,
            bandwidth_gb_per_s=bandwidth / 1e9,
            prefill_tokens_per_s=prefill,
            decode=[
                _reading(count, times[count], self._bytes(count) / bandwidth, rivals.get(count))
                for count in _STREAMS
            ],
        )

    def _backend(self) -> Backend:
        blocks = steps.blocks_for(_STREAMS[-1], self.scale.context + 1)
        return build_torch_backend(
            shapes.RandomWeights(self.scale.architecture),
            NativeOptions(precision=self.precision),
            num_blocks=max(blocks, steps.blocks_for(1, max(self.scale.chunks))),
            threads=1,
        )

    def _prefill(self, backend: Backend, tokens: int) -> float:
        some = [steps.prefill_step(tokens, 0)] * self.scale.num_steps
        return tokens / steps.seconds(backend, some, self.device)[0]

    def _decode(self, backend: Backend, count: int) -> tuple[float, float]:
        some = [steps.decode_step(count, self.scale.context)] * self.scale.num_steps
        return steps.seconds(backend, some, self.device)

    def _bytes(self, count: int) -> int:
        return roofline.bytes_of_step(
            self.scale.architecture,
            streams=count,
            context=self.scale.context,
            weight_bytes=1 if self.precision == "fp8" else 2,
            cache_bytes=2,
        )

    def _rivals(self) -> dict[int, float]:
        new_tokens = self.scale.rival_tokens
        if not new_tokens:
            return {}
        from benchmarks.gpu.rival import Rival  # transformers is slow to load

        rival = Rival(self.scale.architecture, self.device)
        return {
            count: rival.tokens_per_second(count, context=self.scale.context, new_tokens=new_tokens)
            for count in _STREAMS
        }


def _reading(count: int, times: tuple[float, float], least: float, rival: float | None) -> Decode:
    step, on_device = times
    return Decode(
        streams=count,
        step_ms=1e3 * step,
        device_ms=1e3 * on_device,
        roofline_ms=1e3 * least,
        roofline_share=least / on_device,
        tokens_per_s=count / step,
        rival_tokens_per_s=rival,
    )
