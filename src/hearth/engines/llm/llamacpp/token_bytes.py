"""The bytes of every token, and the tokens of given bytes."""

from __future__ import annotations

from collections.abc import Sequence

_MAX_PIECE = 64  # bytes; a piece that ends inside a character is much shorter


class TokenBytes:
    """A model's tokens.

    Args:
        pieces: bytes of every token id.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces
        self._ids = {piece: token for token, piece in reversed(list(enumerate(pieces))) if piece}

    def of(self, token: int) -> bytes:
        """Return the bytes of a token; a control token has none."""
        return self._pieces[token]

    def split(self, data: bytes, count: int) -> list[int] | None:
        """Return so many tokens that make up the bytes, the longest first where it can be chosen.

        Tokenisers join what they can from the left, so that is what models write; None: the bytes
        cannot be cut so.
        """
        if count == 0:
            return None if data else []
        for end in range(min(len(data) - count + 1, _MAX_PIECE), 0, -1):
            token = self._ids.get(data[:end])
            if token is not None:
                rest = self.split(data[end:], count - 1)
                if rest is not None:
                    return [token, *rest]
        return None
