"""From what a step should compute to the arrays that a backend takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np

from hearth.engines.llm.native.backend import Ints, Step
from hearth.engines.llm.native.scheduler import Piece


def assemble(
    pieces: Sequence[Piece], block_tokens: int, place_of: Callable[[str], int]
) -> tuple[Step, list[range]]:
    """Lay pieces end to end.

    Args:
        place_of: where an adapter is, by its digest.

    Returns:
        The step, and for each piece which rows of the logits are its own.
    """
    tokens: list[int] = []
    positions: list[int] = []
    blocks: list[int] = []
    num_blocks = []
    rows: list[int] = []
    ranges = []
    for piece in pieces:
        end = piece.start + piece.count
        first_row, num_rows = len(rows), num_rows_of(piece)
        tokens += piece.sequence.tokens[piece.start : end - len(piece.guesses)]
        tokens += piece.guesses
        positions += range(piece.start, end)
        used = -(-end // block_tokens)
        blocks += piece.sequence.blocks[:used]
        num_blocks.append(used)
        rows += range(len(tokens) - num_rows, len(tokens))
        ranges.append(range(first_row, len(rows)))
    step = Step(
        token_ids=_ints(tokens),
        positions=_ints(positions),
        past_tokens=_ints([piece.start for piece in pieces]),
        starts=_ints([0, *accumulate(piece.count for piece in pieces)]),
        block_ids=_ints(blocks),
        block_starts=_ints([0, *accumulate(num_blocks)]),
        logit_rows=_ints(rows),
        adapters=_ints([place_of(piece.sequence.adapter) for piece in pieces]),
    )
    return step, ranges


def num_rows_of(piece: Piece) -> int:
    """How many of a piece's last tokens need logits."""
    sequence = piece.sequence
    if sequence.wants_scores and piece.start < len(sequence.request.prompt):
        return piece.count
    if not piece.is_last_of_text or not sequence.request.max_tokens:
        return 0
    return 1 + len(piece.guesses)


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, np.int32)
