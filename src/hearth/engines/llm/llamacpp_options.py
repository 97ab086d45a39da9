"""What can be set of the llama.cpp engine, and every constant that a measurement may change."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=1)]


class LlamaOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`WorkerSpec.options` of the engine `llamacpp`."""

    kv_type: Literal["f32", "f16", "bf16", "q8_0", "q4_0"] = "f16"
    "How keys and values of the cache are stored."
    flash_attention: Literal["auto", "on", "off"] = "auto"
    "Attention in blocks, without its whole matrix; off it was a fifth slower."
    batch_tokens: Count = 128
    """Prompt tokens worked on before other sequences get their next token, and before a cancel is
    seen. With one thread 128 held them up for 0.6 s where 512 did for 2.2 s, at the same speed of
    prompts; 64 cost a third of that speed."""
    ubatch_tokens: Count = 128
    "Tokens computed at once."
    batch_threads: Annotated[int, Meta(ge=0)] = 0
    "Threads for prompts and for several sequences at once; 0: as many as for one sequence."
    repack: bool = True
    "Weights rearranged in memory for faster multiplication; costs memory."
    warmup: bool = True
    "Compute once at the start, so that the first request is not the slow one."
