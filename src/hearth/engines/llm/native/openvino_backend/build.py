"""Makes the backend."""

from __future__ import annotations

from typing import get_args

from hearth.engines.llm.native.backend import Backend, Weights
from hearth.engines.llm.native.openvino_backend.backend import OpenVinoBackend
from hearth.engines.llm.native.openvino_backend.linear import Precision
from hearth.engines.llm.native.openvino_backend.probe import check_openvino
from hearth.engines.llm.native_options import NativeOptions
from hearth.errors import SetupError

DEFAULT_PRECISION: Precision = "u8"


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
    return OpenVinoBackend(weights, precision, num_blocks=num_blocks, threads=threads)
