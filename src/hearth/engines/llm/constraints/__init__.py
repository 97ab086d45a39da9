"""Constraints on a text: checked, compiled for an engine, and watched while the text comes."""

from __future__ import annotations

from hearth.engines.llm.constraints.compiling import compile_constraint
from hearth.engines.llm.constraints.guard import GrammarGuard

__all__ = ["GrammarGuard", "compile_constraint"]
