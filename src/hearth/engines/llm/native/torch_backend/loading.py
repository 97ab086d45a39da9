"""From options to a backend: which device, which precision, how many processes."""

from __future__ import annotations

import torch

from hearth.engines.llm.native.backend import Backend, Weights
from hearth.engines.llm.native.torch_backend.assembly import Plan, assemble
from hearth.engines.llm.native.torch_backend.build import BLOCK_TOKENS
from hearth.engines.llm.native.torch_backend.leader import lead
from hearth.engines.llm.native.torch_backend.linear import Precision, check_precision
from hearth.engines.llm.native.torch_backend.shard import Shard
from hearth.engines.llm.native_options import NativeOptions
from hearth.errors import SetupError

_FIRST_PLACES = 16  # for adapters; memory for more is taken when they come


def load(weights: Weights, options: NativeOptions, *, num_blocks: int, threads: int) -> Backend:
    """See `build_torch_backend`."""
    device = _device(options.tensor_parallel)
    precision = _precision(options, device)
    check_precision(precision, device)
    if options.cache_precision == "bf16" and precision == "f32":
        raise SetupError(
            "The backend torch keeps keys and values in the precision that it computes in; leave "
            "`cache_precision` out."
        )
    plan = Plan(
        architecture=weights.architecture,
        precision=precision,
        resident_adapters=min(options.resident_adapters, _FIRST_PLACES),
        num_blocks=num_blocks,
        threads=threads,
        device=str(device),
        shard=Shard(0, options.tensor_parallel),
    )
    torch.set_num_threads(threads)
    plan.shard.local(plan.architecture)  # refuse before anything is started
    try:
        return assemble(plan, weights) if plan.shard.world == 1 else lead(plan, weights)
    except torch.OutOfMemoryError as error:
        raise SetupError(
            f"The model and its cache of {num_blocks * BLOCK_TOKENS} tokens do not fit the GPU: "
            "set `cache_tokens` lower, `precision` to fp8, or `tensor_parallel` higher."
        ) from error


def _device(tensor_parallel: int) -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    count = torch.cuda.device_count()
    if count < tensor_parallel:
        raise SetupError(
            f"`tensor_parallel` is {tensor_parallel} and this machine has {count} GPUs: set it "
            "to no more than that."
        )
    return torch.device("cuda:0")


def _precision(options: NativeOptions, device: torch.device) -> Precision:
    if options.precision == "auto":
        return "f32" if device.type == "cpu" else "bf16"
    if options.precision == "u8":
        raise SetupError(
            "The backend torch has no precision u8: set `precision` to f32, bf16 or fp8, or "
            "`backend` to openvino."
        )
    return options.precision
