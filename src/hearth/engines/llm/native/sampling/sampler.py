"""Draws tokens for the rows of a step.

Rows are worked on one by one, so that a sequence gets the same token alone and in any batch. A
row of 49k logits takes about 50 µs, which is what its exponentials cost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from hearth.engines.engine import Failed
from hearth.engines.llm.native.backend import Floats
from hearth.engines.llm.native.sampling.drawing import Drawing
from hearth.engines.llm.native.sampling.logprobs import Scores, scores
from hearth.engines.protocol import Failure

NOT_FINITE = Failure(kind="failed", message="The model gave logits that are not finite numbers.")


class Drawn(Struct, frozen=True):
    """The token of a row."""

    token: int
    scores: Scores | None = None
    "Where log-probabilities were asked for."


class Sampler:
    """Has room for the row it works on, so one thread at a time may use it.

    Args:
        vocabulary_size: ids below are tokens; models may have some logits more, which count in
            log-probabilities but are never drawn.
    """

    def __init__(self, vocabulary_size: int) -> None:
        self._vocabulary_size = vocabulary_size
        self._room = np.empty(vocabulary_size, np.float32)

    def draw(self, logits: Floats, drawings: Sequence[Drawing]) -> list[Drawn | Failure]:
        """Draw a token for each row; nothing is advanced, and the logits are left as they are.

        Args:
            logits: (R, V or more)
            drawings: (R,) of each row; a sequence with several rows goes through `draw_one` and
                `Drawing.accept`, row by row.
        """
        peaks = logits.argmax(axis=1).tolist()
        with np.errstate(over="ignore", under="ignore"):
            return [
                self._drawn(row, drawing, peak)
                for row, drawing, peak in zip(logits, drawings, peaks, strict=True)
            ]

    def draw_one(self, row: Floats, drawing: Drawing) -> Drawn | Failure:
        """Draw a token for one row, just as `draw` does."""
        with np.errstate(over="ignore", under="ignore"):
            return self._drawn(row, drawing, int(row.argmax()))

    def _drawn(self, row: Floats, drawing: Drawing, peak: int) -> Drawn | Failure:
        if not math.isfinite(row[peak]):  # the first that is not a number, if any, is the peak
            return NOT_FINITE
        if peak >= self._vocabulary_size:
            peak = int(row[: self._vocabulary_size].argmax())
        try:
            token = self._token(row[: self._vocabulary_size], drawing, peak)
        except Failed as failed:
            return failed.failure
        if drawing.num_top is None:
            return Drawn(token)
        return Drawn(token, scores(row, token, drawing.num_top))

    def _token(self, logits: Floats, drawing: Drawing, peak: int) -> int:
        if drawing.is_adjusting:
            np.copyto(self._room, logits)
            logits = self._room
            drawing.adjust(logits)
            peak = int(logits.argmax())
        top = logits[peak]
        if not math.isfinite(top):
            raise Failed(
                Failure(
                    kind="failed",
                    message="No token may be drawn: bias and constraint exclude each other.",
                )
            )
        if drawing.is_greedy:
            return peak
        return drawing.choose(np.subtract(logits, top, out=self._room))
