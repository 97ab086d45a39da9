"""GGUF files for tests of tokenisers, and what llama.cpp makes of texts with them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import gguf
import numpy as np

from hearth.engines.llm.gguf_metadata import read_header
from hearth.engines.llm.llamacpp.loading import build_runner
from hearth.engines.llm.types import Tokenized
from tests.engines.conftest import llama_spec
from tests.engines.models import smollm2_path

_WIDTH, _HEADS = 32, 4

NASTY = [
    "", "a", " a", "  a", "a ", "\n", "\n\n", "\n a", "\r\n\tx", "x\t\ty", " \n \n",
    "Hello, world! It's 2024's don't I'LL", "123456", "１２３", "½ Ⅷ x²",  # noqa: RUF001
    "<|im_start|>user\nhi<|im_end|>", "<|im_end|><|im_end|>", "a<|im_start|>b", "<|im_st",
    "<s>hi</s>", "<think>x</think>", "<unk>", "<0x41>", "<repo_name>x <filename>",
    "😀👩‍👩‍👧‍👦é̂", "हिन्दी", "日本語。漢字", "العربية", "\u00a0\u2003x\u200b\u3000y",
    "\x00\x01\x7f", "\x85 \u180e x", "ſ K İ", "\ufeffbom", "𝒳𝔘 🏳️‍🌈", "\u2581 a \u2581\u2581",  # noqa: RUF001
    "def f(x):\n    return x  # ok\n\n\n    y = {'a': [1,2]}", "https://x.y/z?q=%20&a=b",
    "the cat sat on a mat。😀हि", "thethe cat", "A" * 300, " " * 50, "\n" * 20,
]  # fmt: skip
"Texts that tokenisers tend to disagree on."


def theirs(path: Path, texts: Sequence[str], *, special: bool, start: bool) -> list[list[int]]:
    """The ids that the engine of llama.cpp gives."""

    async def ask() -> dict[int, list[int]]:
        runner = await asyncio.to_thread(build_runner, llama_spec(path))
        for key, text in enumerate(texts):
            runner.tokenize(key, text, special=special, start=start)
        found: dict[int, list[int]] = {}
        while len(found) < len(texts):
            for event in await runner.step():
                assert isinstance(event, Tokenized), event
                found[event.key] = event.ids
        await runner.close()
        return found

    return list(dict(sorted(asyncio.run(ask()).items())).values())


def write_byte_level(path: Path, *, pre: str, size: int = 4000) -> Path:
    """A random model of one layer with the first of SmolLM2's tokens, cut by another rule."""
    header = read_header(smollm2_path())
    tokens = header.metadata["tokenizer.ggml.tokens"]
    types = header.metadata["tokenizer.ggml.token_type"]
    assert isinstance(tokens, list)
    assert isinstance(types, list)
    names = [str(token) for token in tokens[:size]]
    writer = _writer(path)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(names)
    writer.add_token_types([int(each) for each in types[:size]])
    known = set(names)
    writer.add_token_merges([m for m in header.merges if m.replace(" ", "") in known])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    return _finished(writer, path, size)


def write_sentencepiece(path: Path, words: Sequence[str], scores: Sequence[float]) -> Path:
    """A random model of one layer whose tokens are every byte and these words."""
    kinds = gguf.TokenType
    names = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *words]
    writer = _writer(path)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(names)
    writer.add_token_scores([0.0] * 259 + list(scores))
    fixed = [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL] + [kinds.BYTE] * 256
    writer.add_token_types(fixed + [kinds.NORMAL] * len(words))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    return _finished(writer, path, len(names))


def _writer(path: Path) -> gguf.GGUFWriter:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(4096)
    writer.add_embedding_length(_WIDTH)
    writer.add_feed_forward_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_head_count(_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    return writer


def _finished(writer: gguf.GGUFWriter, path: Path, size: int) -> Path:
    random = np.random.default_rng(1)
    shapes = {"token_embd": (size, _WIDTH), "output_norm": (_WIDTH,)}
    shapes |= {f"blk.0.{norm}": (_WIDTH,) for norm in ("attn_norm", "ffn_norm")}
    linear = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    shapes |= {f"blk.0.{name}": (_WIDTH, _WIDTH) for name in linear}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", random.standard_normal(shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
