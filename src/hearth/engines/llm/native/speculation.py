"""Guesses at the next tokens, taken from where the text has said the same before.

Prompt lookup decoding (Saxena, 2023, https://github.com/apoorvumang/prompt-lookup-decoding). The
engine draws the token of every place by itself and keeps a guess only where it is that token, so
a text is the same with and without guesses; only its time changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_ID_BITS = 21  # three ids make a key of 63 bits; vocabularies are far smaller than 2 million
_TRIPLE_MASK = (1 << 3 * _ID_BITS) - 1
_PAIR_MASK = (1 << 2 * _ID_BITS) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Thrift:
    """When guessing is given up, and taken up again."""

    least_rate: float = 0.3
    """Guesses that must come true, of all. A guess that fails costs about a tenth to a third of a
    step on CPUs, one that comes true saves a step."""
    decay: float = 0.8
    "What an older judgement weighs against the next newer one."
    first_pause_tokens: int = 16
    "Generated without guessing, after it did not pay; doubled each time in a row."
    longest_pause_tokens: int = 1024


class Lookup:
    """The text of one sequence, indexed by its last two and three tokens.

    The prompt is indexed at some 0.3 µs a token, each token generated takes a microsecond; memory
    is about 200 bytes a token.

    Args:
        prediction: what the answer will probably repeat; looked at before the text itself.
    """

    def __init__(
        self,
        prompt: Sequence[int],
        *,
        prediction: Sequence[int] = (),
        thrift: Thrift | None = None,
    ) -> None:
        self._prediction = _Index(prediction)
        self._text = _Index(prompt)
        self._predicted: int | None = self._prediction.find(self._text.key) or 0
        "The place in the prediction where the text is, as far as can be told."
        self._thrift = Thrift() if thrift is None else thrift
        self._length = 2
        self._drafted, self._accepted = 0.0, 0.0
        self._pause = 0
        "Tokens still to come before guessing is tried again."
        self._next_pause = self._thrift.first_pause_tokens

    def draft(self, max_tokens: int) -> list[int]:
        """Guess at what comes next; at most so many tokens, none where there is no hint.

        Guesses grow longer as long as all of them come true.
        """
        if self._pause > 0:
            return []
        length = min(self._length, max_tokens)
        if self._predicted is not None and (
            guesses := self._prediction.after(self._predicted, length)
        ):
            return guesses
        if self._text.match is not None:
            return self._text.repeated(self._text.match, length)
        return []

    def append(self, tokens: Sequence[int]) -> None:
        """Go on by tokens that were generated."""
        for token in tokens:
            self._text.append(token)
            if self._predicted is not None and self._prediction.after(self._predicted, 1) == [
                token
            ]:
                self._predicted += 1
            else:
                self._predicted = self._prediction.find(self._text.key)
        self._pause = max(self._pause - len(tokens), 0)

    def judge(self, drafted: int, accepted: int) -> None:
        """Learn how many of the tokens that were guessed came true; called before `append`."""
        if not drafted:
            return
        thrift = self._thrift
        self._length = 2 * drafted if accepted == drafted else accepted + 1
        self._drafted = thrift.decay * self._drafted + drafted
        self._accepted = thrift.decay * self._accepted + accepted
        if self._drafted < _ENOUGH:
            return
        if self._accepted >= thrift.least_rate * self._drafted:
            self._next_pause = thrift.first_pause_tokens
            return
        self._pause = self._next_pause
        self._next_pause = min(2 * self._next_pause, thrift.longest_pause_tokens)
        self._drafted, self._accepted = 0.0, 0.0


_ENOUGH = 3.0
"Guesses after which a rate says something."


class _Index:
    """Tokens, and what last followed each two and three of them."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens = list(tokens[:-1])
        self._places = _places(self._tokens)
        "The place after a pair or triple; keys of pairs are smaller than those of triples."
        self.key = 0
        "Of the last three tokens."
        for token in self._tokens[-3:]:
            self._shift(token)
        self.match: int | None = None
        "The place after what the tokens now end in, where it was before."
        for token in tokens[-1:]:
            self.append(token)

    def append(self, token: int) -> None:
        self._tokens.append(token)
        self._shift(token)
        self.match = self.find(self.key)
        self._places[self.key] = self._places[self.key & _PAIR_MASK] = len(self._tokens)

    def find(self, key: int) -> int | None:
        place = self._places.get(key)
        return self._places.get(key & _PAIR_MASK) if place is None else place

    def after(self, place: int, length: int) -> list[int]:
        """Return the tokens from a place on."""
        return self._tokens[place : place + length]

    def repeated(self, place: int, length: int) -> list[int]:
        """Return the tokens from a place on, over again where they end."""
        period = len(self._tokens) - place
        return [self._tokens[place + n % period] for n in range(length)]

    def _shift(self, token: int) -> None:
        self.key = (self.key << _ID_BITS | token + 1) & _TRIPLE_MASK


def _places(tokens: Sequence[int]) -> dict[int, int]:
    """Index many tokens at once; a tenth of the time that one by one takes."""
    ids = np.array(tokens, np.int64) + 1
    pairs = ids[:-1] << _ID_BITS | ids[1:]
    triples = pairs[:-1] << _ID_BITS | ids[2:]
    places = dict(zip(pairs.tolist(), range(2, len(ids) + 1), strict=False))
    places.update(zip(triples.tolist(), range(3, len(ids) + 1), strict=False))
    return places
