"""Mirostat (Basu et al., 2021): keep the surprise of a text near a target by a feedback loop."""

from __future__ import annotations

import math

import numpy as np

from hearth.engines.llm.native.backend import Floats
from hearth.engines.llm.native.sampling.choosing import chosen

_DEFAULT_RATE = 0.1


class Mirostat:
    """The second algorithm of the paper, for one sequence.

    Tokens more surprising than a bound are left out; the bound moves against the error. Surprise
    is that of the model, at the temperature, as in the paper; llama.cpp measures it among the
    tokens that were not left out.

    Args:
        target: bits a token, tau of the paper.
        rate: eta of the paper.
    """

    def __init__(self, target: float, rate: float | None) -> None:
        self._target = target
        self._rate = _DEFAULT_RATE if rate is None else rate
        self._bound = 2.0 * target
        self._drawn: tuple[int, float] | None = None

    def draw(self, scaled: Floats, uniform: float) -> int:
        """Draw a token.

        Args:
            scaled: as of `Cuts.remaining`.
        """
        weights = np.exp(scaled)
        log_total = math.log(weights.sum(dtype=np.float64))
        ids = np.flatnonzero(scaled >= log_total - self._bound * math.log(2.0))
        if not len(ids):
            ids = np.array([scaled.argmax()])
        token = int(ids[chosen(weights[ids], uniform)])
        self._drawn = token, (log_total - float(scaled[token])) / math.log(2.0)
        return token

    def accept(self, token: int) -> None:
        """Learn from a token; one that was not drawn teaches nothing."""
        if self._drawn is not None and self._drawn[0] == token:
            self._bound -= self._rate * (self._drawn[1] - self._target)
        self._drawn = None
