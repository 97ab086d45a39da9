"""From a path to all that the engine needs of a model on disk."""

from __future__ import annotations

from hearth.engines.llm.native.weights.checkpoint import Checkpoint, open_checkpoint
from hearth.engines.llm.native.weights.lora_file import read_lora
from hearth.engines.llm.native.weights.tokenizer import TextTokenizer

__all__ = ["Checkpoint", "TextTokenizer", "open_checkpoint", "read_lora"]
