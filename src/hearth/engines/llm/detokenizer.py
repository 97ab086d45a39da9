"""Token ids to text, a piece at a time, never cutting a character."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Sequence

_utf8_decoder = codecs.getincrementaldecoder("utf-8")


class Detokenizer:
    """Decodes one sequence; bytes that are not valid UTF-8 become U+FFFD.

    Args:
        pieces: the bytes of each token id, as `Vocabulary.pieces`.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces
        self._decoder = _utf8_decoder("replace")

    def push(self, ids: Iterable[int]) -> str:
        """Return the text these ids complete; the bytes of an unfinished character wait."""
        pieces = self._pieces
        return self._decoder.decode(b"".join([pieces[token] for token in ids]))

    def flush(self) -> str:
        """Return U+FFFD for the bytes that still waited; the sequence ended."""
        return self._decoder.decode(b"", final=True)
