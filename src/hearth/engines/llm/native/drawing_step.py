"""From the logits of a step to tokens and log-probabilities; runs in the engine's thread."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from hearth.engines.llm.native.backend import Floats
from hearth.engines.llm.native.sampling import NOT_FINITE, Drawn, Sampler, Scores, scores
from hearth.engines.llm.native.scheduler import Piece
from hearth.engines.protocol import Failure


@dataclass(slots=True)
class Outcome:
    """What a piece brought."""

    drawn: list[Drawn] = field(default_factory=list)
    "The next tokens; more than one where guesses were right."
    prompt_scores: list[Scores] = field(default_factory=list)
    "Of the prompt's tokens from the second of the piece on, and of the one after it."
    failure: Failure | None = None


def draw_pieces(
    logits: Floats,
    pieces: Sequence[Piece],
    rows: Sequence[range],
    sampler: Sampler,
    ends: Collection[int],
) -> list[Outcome]:
    """Score and draw for all pieces of a step.

    Args:
        logits: (R, vocabulary)
        rows: of each piece.
        ends: the tokens that end any sequence which does not ignore them.
    """
    return [
        _outcome(logits[own.start : own.stop], piece, sampler, ends)
        for piece, own in zip(pieces, rows, strict=True)
    ]


def _outcome(logits: Floats, piece: Piece, sampler: Sampler, ends: Collection[int]) -> Outcome:
    outcome = Outcome()
    sequence = piece.sequence
    request = sequence.request
    if sequence.wants_scores:
        known = sequence.tokens[piece.start + 1 : len(request.prompt)]
        num_top = request.prompt_logprobs or 0
        if not np.isfinite(logits.max(1)).all():
            outcome.failure = NOT_FINITE
            return outcome
        outcome.prompt_scores = [
            scores(row, token, num_top)
            for row, token in zip(logits[: len(known)], known, strict=False)
        ]
    if piece.is_last_of_text and request.max_tokens and not sequence.is_over:
        _draw(logits[len(logits) - len(piece.guesses) - 1 :], piece, sampler, ends, outcome)
    return outcome


def _draw(
    logits: Floats, piece: Piece, sampler: Sampler, ends: Collection[int], outcome: Outcome
) -> None:
    """Draw while guesses are right: what is drawn is what would have been without them."""
    sequence = piece.sequence
    for number, row in enumerate(logits):
        drawn = sampler.draw_one(row, sequence.drawing)
        if isinstance(drawn, Failure):
            outcome.failure = drawn
            return
        sequence.drawing.accept(drawn.token)
        outcome.drawn.append(drawn)
        if sequence.is_end(drawn.token, ends):
            return
        if number < len(piece.guesses) and piece.guesses[number] != drawn.token:
            return
