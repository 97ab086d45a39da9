"""Which sequences are computed in the next step, and how much of each.

Continuous batching (Yu et al., Orca, 2022) with chunks of prompts beside single tokens (Agrawal et
al., Sarathi-Serve, 2024): every running sequence gets its next token in every step, and what is
left of the step's tokens goes to prompts, in order of priority and arrival. Where blocks run out,
the last in that order gives up its own and is computed again later.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field

from hearth.engines.llm.native.block_pool import BlockPool, Chain
from hearth.engines.llm.native.sequence import Sequence

_GUESS_AMONG = 4  # sequences; among more, a step is bound by its tokens, guesses among them


@dataclass(frozen=True, slots=True)
class Piece:
    """What a step computes of one sequence."""

    sequence: Sequence
    start: int
    "The first token, by its place in the sequence."
    count: int
    "Tokens, guessed ones included."
    guesses: list[int]
    "What may follow the sequence's last token."

    @property
    def is_last_of_text(self) -> bool:
        """Whether a token can be drawn after it."""
        return self.start + self.count - len(self.guesses) == len(self.sequence.tokens)


@dataclass(slots=True)
class Plan:
    """A step to be computed, and what became of sequences while it was made."""

    pieces: list[Piece] = field(default_factory=list)
    admitted: list[tuple[Sequence, int]] = field(default_factory=list)
    "With the number of tokens that the cache held."
    expired: list[Sequence] = field(default_factory=list)
    has_preempted: bool = False


class Scheduler:
    """Sequences that wait and that run.

    Args:
        max_running: sequences at once.
        chunk_tokens: of a step; running sequences get their token even beyond it.
        is_ready: whether a sequence's adapter can be computed with; others overtake it till then.
        guess_tokens: the most that is guessed of what follows a sequence.
    """

    def __init__(
        self,
        pool: BlockPool,
        *,
        max_running: int,
        chunk_tokens: int,
        is_ready: Callable[[Sequence], bool],
        guess_tokens: int = 0,
    ) -> None:
        self._pool = pool
        self._max_running = max_running
        self._chunk_tokens = chunk_tokens
        self._is_ready = is_ready
        self._guess_tokens = guess_tokens
        self.waiting: list[Sequence] = []
        "By rank."
        self.running: list[Sequence] = []

    def add(self, sequence: Sequence) -> None:
        """Queue a sequence."""
        insort(self.waiting, sequence, key=lambda each: each.rank)

    def remove(self, sequence: Sequence) -> None:
        """Forget a sequence, whether it waits or runs; its blocks are free."""
        sequence.is_over = True
        (self.running if sequence in self.running else self.waiting).remove(sequence)
        self._free(sequence)

    def plan(self, now: float) -> Plan:
        """Say what to compute next; without pieces, nothing can be."""
        plan = Plan(expired=[e for e in self.waiting if e.expires_at <= now and not e.was_admitted])
        for sequence in plan.expired:
            self.remove(sequence)
        budget = self._chunk_tokens
        for sequence in [each for each in self.running if not each.is_prefilling]:
            if sequence in self.running:  # it may have given way to one before it
                budget -= self._plan_next_token(plan, sequence)
        for sequence in sorted(self.running, key=lambda each: each.rank):
            if budget > 0 and sequence in self.running and sequence.is_prefilling:
                budget -= self._plan_chunk(plan, sequence, budget)
        if not plan.has_preempted:  # what has just given way would only come back
            self._admit(plan, budget)
        return plan

    def computed(self, piece: Piece) -> None:
        """Take note that a piece is in the cache; full blocks can be shared from now on.

        Call it once what was drawn has been appended to the sequence; guesses that were wrong are
        computed again as what they should have been.
        """
        sequence = piece.sequence
        sequence.num_computed = min(piece.start + piece.count, len(sequence.tokens) - 1)
        size = self._pool.block_tokens
        for number in range(sequence.num_published, sequence.num_computed // size):
            text = sequence.text(number * size, (number + 1) * size)
            sequence.chain = self._pool.publish(sequence.blocks[number], sequence.chain, text)
            sequence.num_published = number + 1

    def _plan_next_token(self, plan: Plan, sequence: Sequence) -> int:
        guesses = self._guesses(sequence)
        if not self._reserve(plan, sequence, len(sequence.tokens) + len(guesses)):
            return 0
        piece = Piece(sequence, sequence.num_computed, 1 + len(guesses), guesses)
        plan.pieces.append(piece)
        return piece.count

    def _guesses(self, sequence: Sequence) -> list[int]:
        left = sequence.request.max_tokens - sequence.num_drawn - 1
        if sequence.lookup is None or left < 1 or len(self.running) > _GUESS_AMONG:
            return []
        return sequence.lookup.draft(min(left, self._guess_tokens))

    def _plan_chunk(self, plan: Plan, sequence: Sequence, budget: int) -> int:
        count = min(budget, len(sequence.tokens) - sequence.num_computed)
        if not self._reserve(plan, sequence, sequence.num_computed + count):
            return 0
        plan.pieces.append(Piece(sequence, sequence.num_computed, count, []))
        return count

    def _admit(self, plan: Plan, budget: int) -> None:
        coming = {self._next_block(each) for each in self.running if each.is_prefilling}
        for sequence in list(self.waiting):
            if budget <= 0 or len(self.running) >= self._max_running:
                return
            if not self._is_ready(sequence):
                continue
            self._find_cached(sequence)
            next_block = self._next_block(sequence)
            if next_block is not None and next_block in coming and self._may_share(sequence):
                self._free(sequence)  # it is being computed: this one waits, and shares it
                continue
            coming.add(next_block)
            count = min(budget, len(sequence.tokens) - sequence.num_computed)
            if not self._extend(sequence, sequence.num_computed + count):
                self._free(sequence)  # nobody gives way to one that has not begun
                return
            self.waiting.remove(sequence)
            self.running.append(sequence)
            if not sequence.was_admitted:
                sequence.was_admitted = True
                plan.admitted.append((sequence, sequence.num_computed))
            plan.pieces.append(Piece(sequence, sequence.num_computed, count, []))
            budget -= count

    def _find_cached(self, sequence: Sequence) -> None:
        """Take what the cache holds of a text; its last token is computed in any case."""
        sequence.chain = (sequence.request.cache_group, sequence.adapter)
        if not self._may_share(sequence):
            return
        size = self._pool.block_tokens
        texts = (
            sequence.text(number * size, (number + 1) * size)
            for number in range((len(sequence.tokens) - 1) // size)
        )
        sequence.blocks, sequence.chain = self._pool.match(sequence.chain, texts)
        sequence.num_published = len(sequence.blocks)
        sequence.num_computed = sequence.num_published * size

    def _may_share(self, sequence: Sequence) -> bool:
        return sequence.request.use_cache and not sequence.wants_scores

    def _next_block(self, sequence: Sequence) -> tuple[Chain, bytes] | None:
        """What the next block to be published will be known by; None: it will not be full."""
        start = sequence.num_published * self._pool.block_tokens
        end = start + self._pool.block_tokens
        full = end < len(sequence.tokens)
        return (sequence.chain, sequence.text(start, end)) if full else None

    def _reserve(self, plan: Plan, sequence: Sequence, num_tokens: int) -> bool:
        """Make room for a running sequence, at the cost of those after it; False: it gave way."""
        while not self._extend(sequence, num_tokens):
            last = max(self.running, key=lambda each: each.rank)
            self._preempt(last)
            plan.has_preempted = True
            plan.pieces[:] = [piece for piece in plan.pieces if piece.sequence is not last]
            if last is sequence:
                return False
        return True

    def _extend(self, sequence: Sequence, num_tokens: int) -> bool:
        needed = -(-num_tokens // self._pool.block_tokens) - len(sequence.blocks)
        if needed > 0:
            taken = self._pool.take(needed)
            if taken is None:
                return False
            sequence.blocks += taken
        return True

    def _preempt(self, sequence: Sequence) -> None:
        self.running.remove(sequence)
        self._free(sequence)
        self.add(sequence)

    def _free(self, sequence: Sequence) -> None:
        self._pool.release(sequence.blocks)
        sequence.blocks = []
        sequence.num_computed = sequence.num_published = 0
