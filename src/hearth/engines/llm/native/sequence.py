"""A sequence while the engine works on it."""

from __future__ import annotations

from array import array
from collections.abc import Collection
from dataclasses import dataclass, field
from math import inf

from hearth.engines.llm.detokenizer import Detokenizer
from hearth.engines.llm.native.block_pool import Chain
from hearth.engines.llm.native.sampling import Drawing
from hearth.engines.llm.native.speculation import Lookup
from hearth.engines.llm.types import SequenceRequest
from hearth.engines.protocol import TokenLogprob


@dataclass(slots=True, eq=False)
class Sequence:
    """Its text so far, and how much of it the cache holds.

    A sequence whose blocks are taken from it goes on later: its text is computed again, and as
    what is drawn depends on seed and place alone, nothing else changes.
    """

    request: SequenceRequest
    drawing: Drawing
    tokens: array[int]
    "Prompt and what was drawn."
    order: int
    "Of arrival."
    adapter: str = ""
    "Digest."
    lookup: Lookup | None = None
    detokenizer: Detokenizer | None = None
    "Where special tokens are shown, which the caller's does not know."
    num_computed: int = 0
    "Tokens whose keys and values are in the cache."
    blocks: list[int] = field(default_factory=list)
    chain: Chain = None
    "Of the blocks that were published."
    num_published: int = 0
    prompt_scores: list[TokenLogprob] = field(default_factory=list)
    was_admitted: bool = False
    is_over: bool = False

    @property
    def number(self) -> int:
        """The caller's."""
        return self.request.sequence

    @property
    def expires_at(self) -> float:
        """When it is of no use any more if it has not begun; monotonic seconds."""
        deadline = self.request.deadline_s
        return inf if deadline is None else deadline

    @property
    def rank(self) -> tuple[int, float, int]:
        """Lower comes first."""
        return (-self.request.priority, self.expires_at, self.order)

    @property
    def num_drawn(self) -> int:
        """Tokens of the answer."""
        return len(self.tokens) - len(self.request.prompt)

    @property
    def is_prefilling(self) -> bool:
        """Whether more than the last token has still to be computed."""
        return self.num_computed < len(self.tokens) - 1

    @property
    def wants_scores(self) -> bool:
        """Whether the log-probabilities of its prompt were asked for and are not all known."""
        asked = self.request.prompt_logprobs is not None
        return asked and len(self.prompt_scores) < len(self.request.prompt)

    def is_end(self, token: int, ends: Collection[int]) -> bool:
        """Whether a token ends it.

        Args:
            ends: those of the model.
        """
        request = self.request
        return token in request.stop_ids or (token in ends and not request.ignore_eos)

    def text(self, start: int, stop: int) -> bytes:
        """Some of its tokens, as a key for the cache."""
        return self.tokens[start:stop].tobytes()
