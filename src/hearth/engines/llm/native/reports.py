"""What the caller is told of a sequence's progress."""

from __future__ import annotations

from collections.abc import Callable, Collection

from hearth.engines.llm.native.drawing_step import Outcome
from hearth.engines.llm.native.entry import Vocabulary
from hearth.engines.llm.native.sampling import Drawn, Scores
from hearth.engines.llm.native.sequence import Sequence
from hearth.engines.llm.types import (
    Admitted,
    Broken,
    EndReason,
    Produced,
    Scored,
    TokenEvent,
)
from hearth.engines.protocol import Failure, TokenLogprob, TopLogprob

_EXPIRED = Failure(
    kind="unavailable",
    message="The request's deadline passed while it waited for its turn.",
    retry_after_s=1.0,
)


class Reports:
    """Turns outcomes into events.

    Args:
        tell: takes the events.
    """

    def __init__(self, vocabulary: Vocabulary, tell: Callable[[TokenEvent], None]) -> None:
        self._pieces = vocabulary.pieces
        self._tell = tell

    def admitted(self, sequence: Sequence, cached_tokens: int) -> None:
        """Work on it begins."""
        self._tell(Admitted(sequence.number, cached_tokens))

    def expired(self, sequence: Sequence) -> None:
        """Its deadline passed."""
        self._tell(Broken(sequence.number, _EXPIRED))

    def scored(self, sequence: Sequence, start: int, found: list[Scores]) -> None:
        """Take the scores of some of its prompt; tell of all when they are complete.

        Args:
            start: the place in the prompt before the first of them. One that gave way is computed
                again from its beginning, and what is known already is passed over.
        """
        if not sequence.wants_scores:
            return
        prompt, told = sequence.request.prompt, sequence.prompt_scores
        if not told:
            told.append(TokenLogprob(prompt[0], self._pieces[prompt[0]], None, []))
        new = found[len(told) - start - 1 :]
        told += [
            self._logprob(prompt[place], each) for place, each in enumerate(new, start=len(told))
        ]
        if len(told) == len(prompt):
            self._tell(Scored(sequence.number, told))

    def produced(self, sequence: Sequence, outcome: Outcome, ends: Collection[int]) -> bool:
        """Tell of what was drawn; true: it is over.

        Args:
            ends: see `Sequence.is_end`.
        """
        if outcome.failure is not None:
            self._tell(Broken(sequence.number, outcome.failure))
            return True
        drawn = outcome.drawn
        if not drawn:
            is_over = not sequence.request.max_tokens and not sequence.wants_scores
            if is_over:
                self._tell(Produced(sequence.number, 0, [], "length"))
            return is_over
        end: EndReason | None = None
        said = drawn
        if sequence.is_end(drawn[-1].token, ends):
            end, said = "eos", drawn[:-1]
        elif sequence.num_drawn >= sequence.request.max_tokens:
            end = "length"
        self._tell(self._event(sequence, len(drawn), said, end))
        return end is not None

    def _event(
        self, sequence: Sequence, num_tokens: int, said: list[Drawn], end: EndReason | None
    ) -> Produced:
        ids = [drawn.token for drawn in said]
        text: list[int] | str = ids
        if sequence.detokenizer is not None:
            text = sequence.detokenizer.push(ids)
            if end is not None:
                text += sequence.detokenizer.flush()
        return Produced(
            sequence=sequence.number,
            num_tokens=num_tokens,
            output=text,
            end=end,
            logprobs=[
                self._logprob(drawn.token, drawn.scores)
                for drawn in said
                if drawn.scores is not None
            ],
            token_ids=ids if sequence.request.token_ids else [],
        )

    def _logprob(self, token: int, found: Scores) -> TokenLogprob:
        top = [TopLogprob(each, self._pieces[each], logprob) for each, logprob in found.top]
        return TokenLogprob(token, self._pieces[token], found.logprob, top)
