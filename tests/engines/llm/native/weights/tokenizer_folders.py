"""Folders with the tokenisers of small models, made on the spot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

TEXTS = [
    "the cat sat on the mat, and the dog sat on the log",
    "def f(x): return x + 1  # 2024",
    "<think>where is the cat?</think> it's on the mat",
]
_SPECIAL = ["<|end|>", "<|start|>", "<|im_end|>"]


def byte_level(folder: Path, **settings: Any) -> Path:
    """As Qwen's and Llama 3's: control tokens and tags are added beside the model's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=330, initial_alphabet=alphabet, special_tokens=_SPECIAL, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tags = [AddedToken(tag, special=False, normalized=False) for tag in ("<think>", "</think>")]
    tokenizer.add_tokens([*tags, AddedToken("   ", special=False, normalized=False)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|start|> $A", special_tokens=[("<|start|>", 1)]
    )
    return _saved(folder, tokenizer, bos_token="<|start|>", eos_token="<|end|>", **settings)


def sentencepiece(folder: Path, **settings: Any) -> Path:
    """As Llama 2's and Gemma's: spaces are a character, what is unknown falls back to bytes."""
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    pieces = ["\u2581", "t", "h", "e", "c", "a", "th", "the", "\u2581the", "ca", "\u2581ca"]
    names = ["<unk>", "<s>", "</s>", *bytes_, *pieces]
    merges = [("t", "h"), ("th", "e"), ("\u2581", "the"), ("c", "a"), ("\u2581", "ca")]
    vocabulary = {name: token for token, name in enumerate(names)}
    model = models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    return _saved(folder, tokenizer, bos_token="<s>", eos_token="</s>", **settings)


def _saved(folder: Path, tokenizer: Tokenizer, **settings: Any) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", **settings}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder
