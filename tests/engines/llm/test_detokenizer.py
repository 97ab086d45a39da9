"""Pieces of text add up to the decoding of the whole, and never hold half a character."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearth.engines.llm.detokenizer import Detokenizer
from hearth.engines.llm.gguf_metadata import read_metadata
from hearth.engines.llm.vocabulary import TokenType, read_vocabulary
from hearth.errors import SetupError
from tests.engines.models import byte_token, smollm2_path, vocabulary

BYTES = [bytes([value]) for value in range(256)]


def pieces_of(detokenizer: Detokenizer, groups: list[list[int]]) -> list[str]:
    return [*[detokenizer.push(group) for group in groups], detokenizer.flush()]


@given(st.lists(st.lists(st.integers(0, 255), max_size=6), max_size=20))
def test_pieces_add_up_to_the_whole_whatever_the_bytes(groups: list[list[int]]) -> None:
    whole = bytes(value for group in groups for value in group).decode(errors="replace")

    assert "".join(pieces_of(Detokenizer(BYTES), groups)) == whole


@given(st.text(), st.integers(1, 5))
def test_whole_characters_come_out_whole(text: str, size: int) -> None:
    data = list(text.encode("utf-8", "replace"))
    groups = [data[at : at + size] for at in range(0, len(data), size)]

    pieces = pieces_of(Detokenizer(BYTES), groups)

    assert "".join(pieces) == bytes(data).decode()
    assert not any("\ufffd" in piece for piece in pieces if "\ufffd" not in text)


@pytest.mark.parametrize("text", ["😀", "हिन्दी", "漢字", "👍🏽", "e\u0301"])
def test_a_character_waits_for_its_last_byte(text: str) -> None:
    detokenizer, data = Detokenizer(BYTES), text[0].encode()

    early = [detokenizer.push([value]) for value in data[:-1]]

    assert set(early) <= {""}
    assert detokenizer.push([data[-1]]) == text[0]


def test_bytes_left_at_the_end_become_one_mark() -> None:
    detokenizer = Detokenizer(BYTES)

    assert detokenizer.push("😀".encode()[:2]) == ""
    assert detokenizer.flush() == "\ufffd"


def test_byte_level_vocabulary_reads_the_real_model() -> None:
    words = read_vocabulary(read_metadata(smollm2_path()))

    assert words.pieces[504] == b"The"
    assert words.name(words.eos_id) == "<|im_end|>"
    assert words.pieces[2] == b""
    assert "".join(pieces_of(Detokenizer(words.pieces), [[10813], [242], [218]])) == "😀"


def test_sentencepiece_vocabulary_reads_spaces_and_lone_bytes() -> None:
    names = vocabulary()
    kinds = [2, 3, 3] + [TokenType.BYTE] * 256 + [TokenType.NORMAL] * (len(names) - 259)
    words = read_vocabulary(
        {
            "tokenizer.ggml.model": "llama",
            "tokenizer.ggml.tokens": list(names),
            "tokenizer.ggml.token_type": [int(kind) for kind in kinds],
        }
    )

    assert words.pieces[byte_token(0xE2)] == b"\xe2"
    assert words.pieces[names.index("\u2581sat")] == b" sat"
    assert words.bos_id is None
    assert words.name(words.bos_id) == ""


@pytest.mark.parametrize(
    "metadata",
    [{}, {"tokenizer.ggml.model": "t5", "tokenizer.ggml.tokens": ["a"]}],
)
def test_a_vocabulary_we_cannot_decode_is_refused(metadata: dict[str, Any]) -> None:
    with pytest.raises(SetupError):
        read_vocabulary(metadata)
