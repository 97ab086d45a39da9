"""Tokenisers of folders give the ids that transformers gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from hearth.engines.llm.native.weights.tokenizer import TextTokenizer
from hearth.engines.llm.native.weights.tokenizer_json import folder_tokenizer
from hearth.errors import SetupError
from tests.engines.llm.native.weights.files import NASTY
from tests.engines.llm.native.weights.tokenizer_folders import TEXTS, byte_level, sentencepiece

MAKERS = pytest.mark.parametrize("make", [byte_level, sentencepiece])
EVERY = [*NASTY, *TEXTS, "<|start|>a<|end|>", "<|start|>", "<s>a</s>", "a   b <think> c"]


def ours(folder: Path, size: int = 400) -> TextTokenizer:
    return TextTokenizer(folder_tokenizer(folder), size=size)


@MAKERS
def test_ids_are_those_of_transformers(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    folder = make(tmp_path)
    tokenizer, theirs = ours(folder), AutoTokenizer.from_pretrained(folder)

    for text in EVERY:
        expected = theirs.encode(text, add_special_tokens=False)
        assert tokenizer.encode(text, special=True, start=False) == expected, text


@MAKERS
def test_plain_text_is_its_own_bytes(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    tokenizer = ours(make(tmp_path))
    lead = " " if make is sentencepiece else ""

    for text in EVERY:
        ids = tokenizer.encode(text, special=False, start=False)
        found = b"".join(tokenizer.pieces[token] for token in ids).decode()
        assert found.replace("\u2581", " ") == (lead if text else "") + text.replace("\u2581", " ")
        names = {tokenizer.names[token] for token in ids}
        assert names.isdisjoint({"<think>", "</think>", "<|start|>", "<|end|>", "<s>", "</s>"})


def test_added_tokens_that_are_no_tags_stay_in_plain_text(tmp_path: Path) -> None:
    tokenizer = ours(byte_level(tmp_path))

    plain = tokenizer.encode("a   b", special=False, start=False)

    assert plain == tokenizer.encode("a   b", special=True, start=False)
    assert "   " in [tokenizer.names[token] for token in plain]


def test_the_leading_token_is_added_once(tmp_path: Path) -> None:
    tokenizer = ours(byte_level(tmp_path))

    assert tokenizer.bos_id == 1
    assert tokenizer.encode("a", special=True, start=True)[0] == 1
    assert tokenizer.encode("<|start|>", special=True, start=True) == [1]
    assert tokenizer.encode("<|start|>", special=False, start=True).count(1) == 1
    assert 1 not in tokenizer.encode("a", special=True, start=False)


def test_the_settings_say_whether_there_is_a_leading_token(tmp_path: Path) -> None:
    without = ours(byte_level(tmp_path / "a", add_bos_token=False))
    with_one = ours(sentencepiece(tmp_path / "b", add_bos_token=True))

    assert without.encode("", special=True, start=True) == []
    assert with_one.encode("", special=True, start=True) == [1]


def test_ends_come_from_every_file_that_tells_them(tmp_path: Path) -> None:
    folder = byte_level(tmp_path)
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [2, 9999]}))
    (folder / "config.json").write_text(json.dumps({"text_config": {"eos_token_id": 5}}))

    assert ours(folder).eos_ids == {0, 2, 5}


def test_pieces_are_padded_to_the_size_of_the_model(tmp_path: Path) -> None:
    tokenizer = ours(sentencepiece(tmp_path), size=300)

    assert (len(tokenizer.pieces), tokenizer.vocabulary_size) == (300, 300)
    assert tokenizer.pieces[:3] == [b"", b"", b""]
    assert tokenizer.pieces[3 + 65] == b"A"
    assert tokenizer.pieces[tokenizer.names.index("\u2581the")] == b" the"
    assert tokenizer.pieces[-1] == b""


def test_threads_may_share_a_tokenizer(tmp_path: Path) -> None:
    tokenizer = ours(byte_level(tmp_path))

    def both(text: str) -> list[list[int]]:
        return [tokenizer.encode(text, special=special, start=True) for special in (True, False)]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(both, EVERY * 10)) == [both(text) for text in EVERY] * 10


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"model": {"type": "BPE"}}'])
def test_a_broken_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content)

    with pytest.raises(SetupError, match=r"tokenizer\.json cannot be used"):
        folder_tokenizer(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"tokenizer\.json is not here"):
        folder_tokenizer(tmp_path)
