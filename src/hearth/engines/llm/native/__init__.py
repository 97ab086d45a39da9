"""The engine `native`: continuous batching of our own, with adapters mixed in every batch."""

from __future__ import annotations

from hearth.engines.llm.native.loading import build

__all__ = ["build"]
