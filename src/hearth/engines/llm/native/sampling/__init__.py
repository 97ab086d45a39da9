"""How the next token is drawn from logits: settings, randomness, constraints, log-probabilities."""

from __future__ import annotations

from hearth.engines.llm.native.sampling.checking import check
from hearth.engines.llm.native.sampling.drawing import Drawing
from hearth.engines.llm.native.sampling.grammar import Grammars, GrammarState
from hearth.engines.llm.native.sampling.logprobs import Scores, scores
from hearth.engines.llm.native.sampling.sampler import NOT_FINITE, Drawn, Sampler

__all__ = [
    "NOT_FINITE",
    "Drawing",
    "Drawn",
    "GrammarState",
    "Grammars",
    "Sampler",
    "Scores",
    "check",
    "scores",
]
