"""The engine `embedding`: encoders of the BERT family, from folders of sentence-transformers."""

from __future__ import annotations

from hearth.engines.embedding.loading import build

__all__ = ["build"]
