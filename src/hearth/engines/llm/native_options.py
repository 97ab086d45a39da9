"""What can be set of the engine `native`, and every constant that a measurement may change."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=1)]
Natural = Annotated[int, Meta(ge=0)]


class NativeOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`WorkerSpec.options` of the engine `native`."""

    backend: Literal["auto", "openvino", "torch"] = "auto"
    "What computes: `openvino` on CPUs, `torch` on GPUs; `auto` takes the GPU where there is one."
    precision: Literal["auto", "f32", "bf16", "u8", "fp8"] = "auto"
    """How weights are kept and multiplied. In `f32` a text is the same alone and in any batch.
    `auto` is u8 on CPUs (a scale for each row) and bf16 on GPUs; fp8 needs a GPU that has it."""
    cache_precision: Literal["auto", "bf16"] = "auto"
    """How keys and values are kept. `auto` is f32 with the precision f32, else u8 on CPUs and bf16
    on GPUs. On a CPU bf16 takes 1.7 times the memory, and long texts go on a tenth faster."""
    cache_tokens: Natural = 0
    "Tokens whose keys and values are kept; 0: `slots` whole windows, within a quarter of memory."
    chunk_tokens: Count = 256
    "Most tokens of a step. Long prompts are cut so that others get their next token in between."
    prefix_cache: bool = True
    "Prompts that begin alike share what was computed, within their cache group."
    speculation: Literal["auto", "off"] = "auto"
    "Guess at repetitions of earlier text and check several tokens at once, where that pays."
    draft_tokens: Count = 4
    "The most that is guessed at once."
    resident_adapters: Count = 128
    "Adapters that are ready to compute; more of them take turns, the least used making room."
    host_adapters: Natural = 0
    "Adapters of which a copy stays in memory when they lose their place; others are read again."
    prepare_adapters: bool = False
    """Get ready for adapters after the start, not when the first is loaded; on CPUs that takes
    2 s and 250 MiB for a small model. Deployments with `enableAddons` do."""
    max_waiting: Count = 4096
    "Sequences that may wait; more are refused at once."
    tensor_parallel: Count = 1
    "GPUs that share each layer."
