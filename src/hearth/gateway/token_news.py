"""Log-probabilities as clients of the API read them, in both of its shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hearth.engines.protocol import TokenLogprob, TopLogprob

Json = dict[str, Any]  # Any: a JSON object


class TextOffsets:
    """Where each token begins in the text of its choice, in characters.

    A token that begins inside a character has the offset of that character.
    """

    __slots__ = ("_num_characters",)

    def __init__(self) -> None:
        self._num_characters = 0

    def take(self, data: bytes) -> int:
        """The offset of the next token."""
        is_inside = bool(data) and _is_continuation(data[0])
        offset = max(0, self._num_characters - is_inside)
        self._num_characters += sum(not _is_continuation(byte) for byte in data)
        return offset


def content_logprobs(tokens: Sequence[TokenLogprob], offsets: TextOffsets) -> Json:
    """`NewLogProbs`: OpenAI's chat shape with Fireworks' extras."""
    return {
        "content": [
            {
                "token": _text(token.data),
                "logprob": token.logprob,
                "sampling_logprob": None,
                "bytes": list(token.data),
                "token_id": _known(token.token_id),
                "text_offset": offsets.take(token.data),
                "top_logprobs": [_alternative(each) for each in token.top],
            }
            for token in tokens
        ]
    }


def listed_logprobs(tokens: Sequence[TokenLogprob], offsets: TextOffsets) -> Json:
    """`LogProbs`: the parallel lists of the completions API."""
    return {
        "tokens": [_text(token.data) for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [
            {_text(each.data): each.logprob for each in token.top} if token.top else None
            for token in tokens
        ],
        "text_offset": [offsets.take(token.data) for token in tokens],
        "token_ids": [_known(token.token_id) for token in tokens],
    }


def _alternative(each: TopLogprob) -> Json:
    return {
        "token": _text(each.data),
        "logprob": each.logprob,
        "token_id": _known(each.token_id),
        "bytes": list(each.data),
    }


def _known(token_id: int) -> int | None:
    return token_id if token_id >= 0 else None  # some servers tell texts only


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _is_continuation(byte: int) -> bool:
    return byte & 0xC0 == 0x80  # of a character of several bytes in UTF-8
