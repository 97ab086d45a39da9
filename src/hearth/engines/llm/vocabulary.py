"""The vocabulary of a model as bytes, read from GGUF metadata.

Two families write their tokens as text: byte-level BPE (`gpt2`), which maps every byte to a visible
character, and SentencePiece (`llama`), which writes a space as U+2581 and lone bytes as `<0xNN>`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum

from msgspec import Struct

from hearth.engines.llm.gguf_metadata import MetadataValue
from hearth.errors import SetupError


class TokenType(IntEnum):
    """`tokenizer.ggml.token_type` of the GGUF specification."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


_TAG = re.compile(r"<.+>|\[.+\]", re.DOTALL)
_SILENT = frozenset({TokenType.UNKNOWN, TokenType.CONTROL, TokenType.UNUSED})


class Vocabulary(Struct, frozen=True, kw_only=True):
    """What each token id stands for."""

    pieces: list[bytes]
    "Bytes of each id; control tokens, the unknown one and unused ones are empty."
    names: list[str]
    "Each token as the tokeniser writes it; the text of a control token."
    bos_id: int | None
    eos_id: int | None

    def name(self, token: int | None) -> str:
        """Return the token as written, or nothing where there is none."""
        return "" if token is None else self.names[token]


def read_vocabulary(metadata: Mapping[str, MetadataValue]) -> Vocabulary:
    """Take the vocabulary out of a GGUF file's metadata.

    Raises:
        SetupError: it is missing, or of a family we cannot decode.
    """
    model = metadata.get("tokenizer.ggml.model")
    names = metadata.get("tokenizer.ggml.tokens")
    types = metadata.get("tokenizer.ggml.token_type")
    if not isinstance(names, list) or not names:
        raise SetupError("The GGUF file holds no vocabulary: it cannot serve text.")
    tokens = [str(name) for name in names]
    if not isinstance(types, list):
        types = [TokenType.NORMAL] * len(tokens)
    if model == "gpt2":
        pieces = [_byte_level_piece(t, int(k)) for t, k in zip(tokens, types, strict=True)]
    elif model == "llama":
        pieces = [_sentencepiece_piece(t, int(k)) for t, k in zip(tokens, types, strict=True)]
    else:
        raise SetupError(f"The tokeniser model {model!r} cannot be decoded; known: gpt2, llama.")
    return Vocabulary(
        pieces=pieces,
        names=tokens,
        bos_id=_token_id(metadata, "bos", len(tokens)),
        eos_id=_token_id(metadata, "eos", len(tokens)),
    )


def tag_names(metadata: Mapping[str, MetadataValue]) -> list[str]:
    """Return the tokens like `<think>` that are no control tokens, so found in any text."""
    names = metadata.get("tokenizer.ggml.tokens")
    types = metadata.get("tokenizer.ggml.token_type")
    if not isinstance(names, list) or not isinstance(types, list):
        return []
    return [
        str(name)
        for name, kind in zip(names, types, strict=True)
        if kind == TokenType.USER_DEFINED and _TAG.fullmatch(str(name))
    ]


def special_token(metadata: Mapping[str, MetadataValue], which: str) -> str:
    """The text of the token that begins (`bos`) or ends (`eos`) texts; empty without one."""
    names = metadata.get("tokenizer.ggml.tokens")
    token = _token_id(metadata, which, len(names)) if isinstance(names, list) else None
    return "" if token is None or not isinstance(names, list) else str(names[token])


def _token_id(metadata: Mapping[str, MetadataValue], which: str, size: int) -> int | None:
    value = metadata.get(f"tokenizer.ggml.{which}_token_id")
    return value if isinstance(value, int) and 0 <= value < size else None


def _byte_of_character() -> dict[str, int]:
    """Return GPT-2's map from visible characters back to bytes (`bytes_to_unicode`)."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    characters = {chr(byte): byte for byte in visible}
    return characters | {chr(256 + n): byte for n, byte in enumerate(hidden)}


_BYTE_OF_CHARACTER = _byte_of_character()


def _byte_level_piece(name: str, kind: int) -> bytes:
    if kind in _SILENT:
        return b""
    if kind == TokenType.USER_DEFINED:
        return name.encode()
    try:
        return bytes([_BYTE_OF_CHARACTER[character] for character in name])
    except KeyError:
        return name.encode()  # added tokens stand for their literal text


def _sentencepiece_piece(name: str, kind: int) -> bytes:
    if kind in _SILENT:
        return b""
    if kind == TokenType.BYTE:
        return bytes([int(name[3:-1], 16)])
    return name.replace("\u2581", " ").encode()
