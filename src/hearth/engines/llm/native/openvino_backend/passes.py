"""A step cut into passes, so that groups of tokens with adapters are about equally long.

The grouped product pads every group to the longest. A chunk of a prompt beside single tokens would
make all groups as long as the chunk; it gets a pass of its own instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hearth.engines.llm.native.backend import NO_ADAPTER, Ints, Step

_SHORT = 32  # tokens; padding groups up to this costs less than reading all weights once more
_EQUAL = 4  # groups so many times apart in length share a pass all the same
ABSENT = np.int32(1 << 30)
"A row that no tensor has."


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """Some of a step's sequences, computed together."""

    step: Step
    rows: Ints
    "(R of this pass,) which of the whole step's logit rows these are."
    places: tuple[int, ...]
    "The adapters in it, each once."


def passes_of(step: Step) -> list[Pass]:
    """Cut a step; without adapters, or with even groups, it stays whole."""
    lengths = np.diff(step.starts)
    places, members = np.unique(step.adapters, return_inverse=True)
    totals = np.bincount(members, weights=lengths, minlength=len(places))
    groups = [
        (int(total), int(place))
        for place, total in zip(places, totals, strict=True)
        if place != NO_ADAPTER
    ]
    clusters = _clusters(sorted(groups, reverse=True))
    if len(clusters) <= 1:
        every = np.arange(len(step.logit_rows), dtype=np.int32)
        return [Pass(step=step, rows=every, places=tuple(clusters[0]) if clusters else ())]
    cut = []
    for number, cluster in enumerate(clusters):
        wanted = [*cluster, NO_ADAPTER] if number == len(clusters) - 1 else cluster
        cut.append(_part(step, np.flatnonzero(np.isin(step.adapters, wanted)), tuple(cluster)))
    return cut


def _clusters(groups: list[tuple[int, int]]) -> list[list[int]]:
    """Adapters that can share a pass, given (tokens, adapter) with the longest first."""
    clusters: list[list[int]] = []
    longest = 0
    for tokens, place in groups:
        if not clusters or (longest > _SHORT and tokens * _EQUAL < longest):
            clusters.append([])
            longest = tokens
        clusters[-1].append(place)
    return clusters


def _part(step: Step, sequences: NDArray[np.intp], places: tuple[int, ...]) -> Pass:
    """The pass of these sequences, in ascending order."""
    lengths, num_blocks = np.diff(step.starts), np.diff(step.block_starts)
    tokens = _ranges(step.starts[sequences], lengths[sequences])
    blocks = _ranges(step.block_starts[sequences], num_blocks[sequences])
    rows = np.flatnonzero(np.isin(step.logit_rows, tokens)).astype(np.int32)
    part = Step(
        token_ids=step.token_ids[tokens],
        positions=step.positions[tokens],
        past_tokens=step.past_tokens[sequences],
        starts=_starts(lengths[sequences]),
        block_ids=step.block_ids[blocks],
        block_starts=_starts(num_blocks[sequences]),
        logit_rows=np.searchsorted(tokens, step.logit_rows[rows]).astype(np.int32),
        adapters=step.adapters[sequences],
    )
    return Pass(step=part, rows=rows, places=places)


def _ranges(starts: Ints, lengths: Ints) -> Ints:
    """The numbers of all ranges, one range after the other."""
    offsets = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
    return (offsets + np.arange(lengths.sum())).astype(np.int32)


def _starts(lengths: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """Which token stands where in the groups of a pass."""

    num_groups: int
    longest: int
    tokens: Ints
    "(groups, longest) the token of each place; places past a group's end name any token."
    group: Ints
    "(T,) of each token; -1 without an adapter."
    rank: Ints
    "(T,) of each token within its group."

    def rows(self, num_members: int) -> Ints:
        """`rows.N` of `LoraGraph`."""
        return np.repeat(self.tokens, num_members, axis=0)

    def back(self, num_pieces: int) -> Ints:
        """`back.N` of `LoraGraph`."""
        pieces = np.arange(num_pieces, dtype=np.int32)
        places = (self.group[:, None] * num_pieces + pieces) * self.longest + self.rank[:, None]
        return np.where(self.group[:, None] < 0, ABSENT, places).astype(np.int32).ravel()

    def pick(self, num_members: int, piece_members: tuple[int, ...]) -> Ints:
        """`pick.NAME` of `LoraGraph`."""
        groups = np.arange(self.num_groups, dtype=np.int32)[:, None]
        return (groups * num_members + np.asarray(piece_members, np.int32)).ravel()


def grouping(step: Step, group_by_place: dict[int, int], num_groups: int) -> Grouping:
    """Sort the tokens of a pass into groups.

    Args:
        group_by_place: of each adapter in it.
    """
    of_sequence = np.array([group_by_place.get(int(p), -1) for p in step.adapters], np.int32)
    group = np.repeat(of_sequence, np.diff(step.starts))
    rank = np.zeros_like(group)
    members = [np.flatnonzero(group == number) for number in range(num_groups)]
    longest = max(len(each) for each in members)
    tokens = np.zeros((num_groups, longest), np.int32)
    for number, each in enumerate(members):
        rank[each] = np.arange(len(each))
        tokens[number, : len(each)] = each
    return Grouping(num_groups=num_groups, longest=longest, tokens=tokens, group=group, rank=rank)
