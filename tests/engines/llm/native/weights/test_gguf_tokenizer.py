"""Tokenisers of GGUF files give the very ids that llama.cpp gives."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from hearth.engines.llm.native.weights.gguf_tensors import GgufTensors
from hearth.engines.llm.native.weights.gguf_tokenizer import gguf_tokenizer
from hearth.engines.llm.native.weights.tokenizer import TextTokenizer
from hearth.engines.llm.vocabulary import read_vocabulary
from hearth.errors import SetupError
from tests.engines.llm.native.weights.files import (
    NASTY,
    theirs,
    write_byte_level,
    write_sentencepiece,
)
from tests.engines.models import EOS, smollm2_path, tag_token, write_tiny_model

BOTH = pytest.mark.parametrize("special", [True, False])


def ours(path: Path) -> TextTokenizer:
    tensors = GgufTensors(path)
    parts = gguf_tokenizer(tensors.metadata, tensors.merges, str(path))
    return TextTokenizer(parts, size=tensors.shape("token_embd.weight")[0])


@BOTH
def test_the_real_model_agrees(*, special: bool) -> None:
    tokenizer = ours(smollm2_path())

    found = [tokenizer.encode(text, special=special, start=special) for text in NASTY]

    assert found == theirs(smollm2_path(), NASTY, special=special, start=special)


@pytest.mark.parametrize(
    "pre", ["default", "gpt-2", "llama-bpe", "smaug-bpe", "qwen2", "deepseek-r1-qwen", "tekken"]
)
@BOTH
def test_every_way_to_cut_agrees(tmp_path: Path, pre: str, *, special: bool) -> None:
    path = write_byte_level(tmp_path / "model.gguf", pre=pre)
    tokenizer = ours(path)

    found = [tokenizer.encode(text, special=special, start=True) for text in NASTY]

    assert found == theirs(path, NASTY, special=special, start=True)


def test_an_unknown_way_to_cut_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"cuts texts by 'viking'.*known: default, gpt-2"):
        ours(write_byte_level(tmp_path / "model.gguf", pre="viking"))


@pytest.mark.parametrize("silent", [True, False])
@BOTH
def test_bytes_words_and_tags_agree(tmp_path: Path, *, silent: bool, special: bool) -> None:
    tags = ["<think>", "[x]"]
    path = write_tiny_model(tmp_path / "model.gguf", tags=tags, are_tags_silent=silent)
    tokenizer = ours(path)
    texts = [*NASTY, "<think>[x]", "a [x] <think", "<<think>>"]

    found = [tokenizer.encode(text, special=special, start=True) for text in texts]

    assert found == theirs(path, texts, special=special, start=True)


@pytest.mark.parametrize("seed", range(3))
def test_merges_by_score_agree(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    words = {*"abdetho\u2581\n"}  # without c, which only stands in words
    for _ in range(300):
        words.add(chance.choice([*sorted(words), "c"]) + chance.choice(sorted(words)))
    ordered = chance.sample(sorted(words), len(words))
    path = write_sentencepiece(
        tmp_path / "model.gguf", ordered, [-float(n) for n in range(len(words))]
    )
    texts = ["".join(chance.choices("abcdetho \n", k=chance.randint(1, 60))) for _ in range(200)]

    tokenizer = ours(path)
    found = [tokenizer.encode(text, special=True, start=True) for text in texts]

    assert found == theirs(path, texts, special=True, start=True)


def test_plain_text_never_becomes_a_control_token() -> None:
    tokenizer = ours(smollm2_path())
    text = "".join(tokenizer.names[:17])

    ids = tokenizer.encode(text, special=False, start=False)

    assert min(ids) >= 17
    assert b"".join(tokenizer.pieces[token] for token in ids).decode() == text
    assert tokenizer.encode(text, special=True, start=False) == list(range(17))


def test_a_tag_in_plain_text_stays_text(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / "model.gguf", tags=["<think>"])
    tokenizer = ours(path)

    assert tag_token(0) in tokenizer.encode("a<think>", special=True, start=False)
    assert tag_token(0) not in tokenizer.encode("a<think>", special=False, start=False)


def test_a_text_that_has_the_leading_token_gets_no_second(tiny_model: Path) -> None:
    tokenizer = ours(tiny_model)

    assert tokenizer.encode("<s>", special=True, start=True) == [1]
    assert tokenizer.encode("<s>", special=False, start=True)[0] == 1
    assert len(tokenizer.encode("<s>", special=False, start=True)) == 4


def test_pieces_and_ends_are_those_of_the_file(tiny_model: Path) -> None:
    tokenizer = ours(tiny_model)
    vocabulary = read_vocabulary(GgufTensors(tiny_model).metadata)

    assert (tokenizer.pieces, tokenizer.names) == (vocabulary.pieces, vocabulary.names)
    assert (set(tokenizer.eos_ids), tokenizer.bos_id) == ({EOS}, 1)
    assert ours(smollm2_path()).eos_ids == {0, 2}
