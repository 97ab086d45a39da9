"""The backend over torch: the GPU engine, and the plain reference on any CPU."""

from __future__ import annotations

from hearth.engines.llm.native.torch_backend.build import (
    BLOCK_TOKENS,
    build_torch_backend,
    cache_bytes,
    token_bytes,
)

__all__ = ["BLOCK_TOKENS", "build_torch_backend", "cache_bytes", "token_bytes"]
