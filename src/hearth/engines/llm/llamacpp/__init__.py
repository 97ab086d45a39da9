"""The engine `llamacpp`: any GGUF file, on xllamacpp's build of llama.cpp."""

from __future__ import annotations

from hearth.engines.llm.llamacpp.loading import build

__all__ = ["build"]
