"""Models to measure, in shape only: their weights are random numbers."""

from __future__ import annotations

import msgspec
import numpy as np

from hearth.engines.llm.native.architecture import Architecture, Rope
from hearth.engines.llm.native.backend import Floats

_POOL = 1 << 22  # random numbers, repeated to fill a tensor: how fast it is does not depend on them


def llama_8b() -> Architecture:
    """The dimensions of Llama 3 8B."""
    return Architecture(
        family="llama",
        num_layers=32,
        hidden_size=4096,
        intermediate_size=14336,
        num_heads=32,
        num_kv_heads=8,
        head_dim=128,
        vocabulary_size=128256,
        context_tokens=8192,
        norm_eps=1e-5,
        attention_scale=128**-0.5,
        ropes=(_rope(128),),
        layer_ropes=(0,) * 32,
        layer_windows=(0,) * 32,
    )


def tiny() -> Architecture:
    """Small enough for a test of this benchmark itself."""
    return msgspec.structs.replace(
        llama_8b(),
        num_layers=2,
        hidden_size=64,
        intermediate_size=96,
        num_heads=4,
        num_kv_heads=2,
        head_dim=16,
        vocabulary_size=512,
        ropes=(_rope(16),),
        layer_ropes=(0, 0),
        layer_windows=(0, 0),
    )


def _rope(head_dim: int) -> Rope:
    frequencies = 500_000.0 ** -(np.arange(0, head_dim, 2) / head_dim)
    return Rope(tuple(frequencies.tolist()))


class RandomWeights:
    """`Weights` of an architecture."""

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture
        self._shapes = architecture.tensor_shapes()
        self._pool = 0.02 * np.random.default_rng(0).standard_normal(_POOL, np.float32)

    def tensor(self, name: str) -> Floats:
        """See `Weights`."""
        shape = self._shapes[name]
        return np.ones(shape, np.float32) if len(shape) == 1 else np.resize(self._pool, shape)
