"""How much memory a replica needs on each of its accelerators: weights, cache, reserve.

Weights are split evenly over the accelerators (tensor parallelism, arXiv 1909.08053). The cache
holds a key and a value per token, layer and key-value head (grouped-query attention, arXiv
2305.13245), and is split by heads: with more accelerators than heads, heads are repeated. A model
with latent attention keeps one compressed vector per token and layer instead (DeepSeek-V2, arXiv
2405.04434, section 2.1), and each accelerator keeps all of it. The cache must hold one whole
context at least, as vLLM demands at its start; requests share it in blocks (arXiv 2309.06180).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Final

from hearth.deployments.placement.asks import ModelSize
from hearth.deployments.placement.decisions import MemoryNeed
from hearth.deployments.placement.precisions import BITS
from hearth.deployments.placement.types import AcceleratorType, Precision

USABLE_SHARE: Final = Fraction(9, 10)
"Of an accelerator's memory; vLLM's `gpu_memory_utilization`. The rest is fragmentation and peaks."
USABLE_SHARE_CPU: Final = Fraction(8, 10)
"Of this machine's memory: the system and the gateway live here too."
RESERVE_BYTES: Final = 2 * 10**9
"On each accelerator: CUDA context and libraries, NCCL buffers, activations, graphs."
RESERVE_BYTES_CPU: Final = 256 * 2**20
"Of a worker process: Python, the engine and its scratch buffers."

_CACHE_BYTES_AT_1B: Final = 72 * 1024
_CACHE_EXPONENT: Final = 0.4
_CACHE_HEADS: Final = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What a replica holds: a model in a precision, with room for so much context."""

    model: ModelSize
    precision: Precision
    context_tokens: int
    full_contexts: int = 1
    is_as_is: bool = False
    "The weights are served as they lie here, so their size is known."


def estimate(load: Load, count: int, accelerator: AcceleratorType, memory: int) -> MemoryNeed:
    """What each of `count` accelerators with `memory` bytes must hold.

    Of a model whose number of parameters nobody knows, only the reserve is counted.
    """
    on_cpu = accelerator is AcceleratorType.CPU
    return MemoryNeed(
        weights_bytes=-(-weights_bytes(load) // count),
        cache_bytes=_cache_bytes(load, count),
        reserve_bytes=RESERVE_BYTES_CPU if on_cpu else RESERVE_BYTES,
        usable_bytes=usable_bytes(accelerator, memory),
    )


def usable_bytes(accelerator: AcceleratorType, memory: int) -> int:
    """How much of an accelerator's memory a replica may count on."""
    share = USABLE_SHARE_CPU if accelerator is AcceleratorType.CPU else USABLE_SHARE
    return memory * share.numerator // share.denominator


def weights_bytes(load: Load) -> int:
    """Of all weights, the scales of their blocks included."""
    if load.is_as_is and load.model.weights_bytes is not None:
        return load.model.weights_bytes
    bits = BITS[load.precision].weight
    return -(-load.model.parameters * bits.numerator // (8 * bits.denominator))


def guessed_cache_bytes_per_token(parameters: int, bits: int) -> int:
    """For a model whose layers are not known: 72 KiB x (parameters / 10^9) ^ 0.4 at 16 bits.

    An upper bound over the models of `attention.toml` that use grouped-query attention in every
    layer, from 135M to 405B parameters; it is checked against them.
    """
    at_sixteen: float = _CACHE_BYTES_AT_1B * (parameters / 10**9) ** _CACHE_EXPONENT
    return ceil(at_sixteen * bits / 16)


def _cache_bytes(load: Load, count: int) -> int:
    """Of one accelerator."""
    bits = BITS[load.precision].cache
    tokens = load.context_tokens * load.full_contexts
    attention = load.model.attention
    if attention is None:
        total = guessed_cache_bytes_per_token(load.model.parameters, bits) * tokens
        return -(-total // min(count, _CACHE_HEADS))
    window = min(load.context_tokens, attention.window_tokens) * load.full_contexts
    kept = attention.layers * tokens + attention.window_layers * window
    if attention.latent_dim:
        return kept * attention.latent_dim * bits // 8
    heads_here = -(-attention.kv_heads // count)
    return kept * 2 * heads_here * attention.head_dim * bits // 8
