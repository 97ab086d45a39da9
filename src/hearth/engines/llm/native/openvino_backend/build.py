"""Makes the backend."""

from __future__ import annotations

from typing import get_args

import openvino as ov

from hearth.engines.llm.native.architecture import Architecture
from hearth.engines.llm.native.backend import Backend, Weights
from hearth.engines.llm.native.openvino_backend.backend import CachePrecision, OpenVinoBackend
from hearth.engines.llm.native.openvino_backend.linear import Precision
from hearth.engines.llm.native.openvino_backend.probe import check_openvino
from hearth.engines.llm.native_options import NativeOptions
from hearth.errors import SetupError

DEFAULT_PRECISION: Precision = "u8"
_CACHE_BYTES: dict[CachePrecision, float] = {"f32": 4, "bf16": 2, "u8": 1.19}
"Of a number; with u8 there are a scale and a zero point for each 32 keys, or head of a value."


def token_bytes(architecture: Architecture, options: NativeOptions) -> int:
    """What the keys and values of a token take in all layers.

    Raises:
        SetupError: they cannot be kept as the options ask.
    """
    numbers = 2 * architecture.num_layers * architecture.kv_size
    return int(numbers * _CACHE_BYTES[_cache_precision(options)])


def build_openvino_backend(
    weights: Weights, options: NativeOptions, *, num_blocks: int, threads: int
) -> Backend:
    """Load a model onto the CPU.

    Raises:
        SetupError: OpenVINO does not compute as it should, or lacks what the model needs.
    """
    precision = DEFAULT_PRECISION if options.precision == "auto" else options.precision
    if precision == "fp8":
        raise SetupError(
            f"The precision fp8 needs a GPU; on a CPU there are {', '.join(get_args(Precision))}."
        )
    if options.tensor_parallel != 1:
        raise SetupError("`tensor_parallel` needs GPUs; a CPU computes all of a layer.")
    check_openvino()
    return OpenVinoBackend(
        weights,
        precision,
        num_blocks=num_blocks,
        threads=threads,
        cache_precision=_cache_precision(options),
    )


def _cache_precision(options: NativeOptions) -> CachePrecision:
    if options.precision == "f32":
        if options.cache_precision != "auto":
            raise SetupError(
                "With `precision` f32 keys and values are exact, too; leave `cache_precision` out."
            )
        return "f32"
    if options.cache_precision == "auto":
        return "u8"
    if "BF16" not in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise SetupError("This processor does not compute with bf16; leave `cache_precision` out.")
    return "bf16"
