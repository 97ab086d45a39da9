"""The shortest text that a grammar admits, as near as it gets by taking one token after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

_CLOSING = b'"}],:'
"What ends a JSON value soonest; then digits, letters, and at last what opens more."
_REST = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-+._/@[{(\\ \t\n\r"
_FREE_FROM = 100  # so many allowed tokens are the inside of a text, where signs are but letters
_IN_TEXT = b'"abcdefghijklmnopqrstuvwxyz'


class Grammars:
    """Makes the walks of one vocabulary.

    Args:
        pieces: bytes of every token but the last; the first 256 are the bytes themselves.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._end = len(pieces)
        self._tokenizer = LLTokenizer(TokenizerWrapper(_Vocabulary(pieces)))
        self._ranks = _ranks(_CLOSING + _REST, self._end)
        self._text_ranks = _ranks(_IN_TEXT, self._end)

    def walk(self, grammar: str) -> Walk:
        """Begin a text."""
        return Walk(LLMatcher(self._tokenizer, grammar), self._end, self._ranks, self._text_ranks)


class Walk:
    """A text that follows a grammar."""

    def __init__(
        self, matcher: LLMatcher, end: int, ranks: Sequence[int], text_ranks: Sequence[int]
    ) -> None:
        self._matcher = matcher
        self._end = end
        self._ranks = ranks
        self._text_ranks = text_ranks

    def allowed(self, *, may_end: bool) -> list[int]:
        """The tokens that may come next; the end alone where nothing else may."""
        mask = self._matcher.compute_bitmask()
        allowed = [token for token in range(self._end + 1) if mask[token >> 3] >> (token & 7) & 1]
        if not may_end and len(allowed) > 1 and allowed[-1] == self._end:
            allowed.pop()
        return allowed or [self._end]

    def take(self, allowed: Sequence[int], bias: Mapping[int, float]) -> int:
        """Choose the next token."""
        ranks = self._text_ranks if len(allowed) > _FREE_FROM else self._ranks
        token = min(allowed, key=lambda each: (-bias.get(each, 0.0), ranks[each]))
        if token != self._end:
            self._matcher.consume_token(token)
        return token


class _Vocabulary:
    """What llguidance asks of a tokenizer."""

    bos_token_id = None

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.eos_token_id = len(pieces)
        self.tokens = [*pieces, b"\xff<end>"]
        self.special_token_ids = [len(pieces)]

    def __call__(self, text: bytes) -> list[int]:
        return list(text)


def _ranks(order: bytes, end: int) -> list[int]:
    """The rank of each token: the end, then these bytes, then the others."""
    ranks = [len(order) + 1 + token for token in range(end + 1)]
    for rank, byte in enumerate(order, start=1):
        ranks[byte] = rank
    ranks[end] = 0
    return ranks
