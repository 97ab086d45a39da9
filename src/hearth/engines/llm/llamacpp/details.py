"""Token ids and log-probabilities of a sequence, put together from the server's events.

The server sends no event for a token that ends inside a character; the event that completes the
character has the bytes of all, from which the held back tokens are found.
"""

from __future__ import annotations

from hearth.engines.llm.llamacpp.messages import CompletionEvent, TokenProbability
from hearth.engines.llm.llamacpp.token_bytes import TokenBytes
from hearth.engines.llm.types import EndReason, SequenceRequest
from hearth.engines.protocol import TokenLogprob, TopLogprob

Detail = tuple[list[TokenLogprob], list[int]]


class TokenDetails:
    """The details of one sequence, event by event.

    Args:
        tokens: of the model.
    """

    def __init__(self, request: SequenceRequest, tokens: TokenBytes) -> None:
        self._num_top = request.logprobs
        self._wants_ids = request.token_ids
        self._tokens = tokens
        self._unsent: TokenLogprob | None = None

    def of(self, event: CompletionEvent, added: int) -> Detail:
        """Return the details of an event that is not the last.

        A token without text is kept for the next: one that ends the sequence has no place among
        the log-probabilities of the text.

        Raises:
            LookupError: the tokens that were held back cannot be told.
        """
        logprobs = [] if self._unsent is None else [self._unsent]
        self._unsent = None
        ids: list[int] = []
        for probability in event.completion_probabilities:
            ids = self._held_back(probability, added - 1)
            logprobs += [TokenLogprob(token, self._tokens.of(token), None, []) for token in ids]
            ids.append(probability.id)
            logprobs.append(self._logprob(probability))
        if logprobs and not event.content:
            self._unsent = logprobs.pop()
        return (
            [] if self._num_top is None else logprobs,
            ids if self._wants_ids else [],
        )

    def last(self, end: EndReason) -> list[TokenLogprob]:
        """Return what was kept, when the last event comes, which has no token of its own."""
        if self._num_top is None or self._unsent is None or end == "eos":
            return []
        return [self._unsent]

    def _logprob(self, probability: TokenProbability) -> TokenLogprob:
        top = [
            TopLogprob(other.id, self._tokens.of(other.id), other.logprob)
            for other in probability.top_logprobs[: self._num_top]
        ]
        return TokenLogprob(
            probability.id, self._tokens.of(probability.id), probability.logprob, top
        )

    def _held_back(self, probability: TokenProbability, count: int) -> list[int]:
        if count < 1:
            return []
        own = self._tokens.of(probability.id)
        found = self._tokens.split(bytes(probability.bytes).removesuffix(own), count)
        if found is None:
            raise LookupError(f"{count} tokens before token {probability.id}")
        return found
