"""The way in, which is cheap to import: torch itself is loaded with the first model."""

from __future__ import annotations

import importlib.util
from math import prod

from hearth.engines.llm.native.architecture import Architecture
from hearth.engines.llm.native.backend import Backend, Weights
from hearth.engines.llm.native_options import NativeOptions
from hearth.errors import SetupError

BLOCK_TOKENS = 32
_RESERVED = 0.1  # of a GPU's memory, for activations and what CUDA takes for itself
_GATHERED_LAYERS = 3  # whose keys and values are copied at the same time, at most


def cache_bytes(architecture: Architecture, options: NativeOptions) -> int | None:
    """What a GPU has left for keys and values once the weights are there; None without a GPU."""
    import torch

    if not torch.cuda.is_available():
        return None
    free, total = torch.cuda.mem_get_info(0)
    width = {"f32": 4, "fp8": 1}.get(options.precision, 2)
    num_weights = sum(prod(shape) for shape in architecture.tensor_shapes().values())
    left = free - total * _RESERVED - num_weights * width / options.tensor_parallel
    return max(int(left / (1 + _GATHERED_LAYERS / architecture.num_layers)), 0)


def token_bytes(architecture: Architecture, options: NativeOptions) -> int:
    """What the keys and values of a token take in all layers, on each GPU."""
    width = 4 if options.precision == "f32" else 2
    numbers = 2 * architecture.num_layers * architecture.kv_size
    return numbers * width // options.tensor_parallel


def build_torch_backend(
    weights: Weights, options: NativeOptions, *, num_blocks: int, threads: int
) -> Backend:
    """Load a model onto the GPUs, or onto the CPU where there is none.

    What runs on a GPU is the code that the CPU's tests cover, except for what `cuda_graphs`,
    `flash` and `linear` name as theirs alone: that part has not been run on a chip yet.

    Args:
        weights: read once, tensor by tensor.
        options: `precision`, `resident_adapters` and `tensor_parallel` are looked at.
        num_blocks: of the cache, `BLOCK_TOKENS` each; one more is kept for padding.
        threads: of the CPU, for each process.

    Raises:
        SetupError: torch is not installed, or this machine or model cannot do what is asked.
    """
    if importlib.util.find_spec("torch") is None:
        raise SetupError("The backend torch needs torch: run `pip install torch`.")
    from hearth.engines.llm.native.torch_backend.loading import load

    return load(weights, options, num_blocks=num_blocks, threads=threads)
