"""Tiny models of every family as GGUF files, written as llama.cpp's converter does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np

from hearth.engines.llm.native.architecture import Architecture
from hearth.engines.llm.native.backend import Floats
from hearth.engines.llm.native.weights.gguf_file import gguf_architecture
from hearth.engines.llm.native.weights.names import gguf_name
from tests.engines.llm.native.tiny import Tiny


def write_family(path: Path, tiny: Tiny) -> Path:
    """Write a model; its tokens have no names."""
    about, config = tiny.architecture, tiny.model.config
    name = gguf_architecture(about.family)
    writer = gguf.GGUFWriter(path, name)
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_context_length(about.context_tokens)
    writer.add_embedding_length(about.hidden_size)
    writer.add_feed_forward_length(about.intermediate_size)
    writer.add_block_count(about.num_layers)
    writer.add_head_count(about.num_heads)
    writer.add_head_count_kv(about.num_kv_heads)
    writer.add_key_length(about.head_dim)
    writer.add_value_length(about.head_dim)
    writer.add_rope_dimension_count(about.head_dim)
    writer.add_layer_norm_rms_eps(about.norm_eps)
    _add_rope(writer, config.rope_parameters)
    if about.has_post_norms:
        writer.add_sliding_window(config.sliding_window)
        writer.add_sliding_window_pattern([bool(window) for window in about.layer_windows])
    if about.attention_softcap:
        writer.add_attn_logit_softcapping(about.attention_softcap)
        writer.add_final_logit_softcapping(about.logit_softcap)
    _add_tensors(writer, tiny, is_llama=name == "llama")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def permuted(rows: Floats, heads: int) -> Floats:
    """The rows of a query or key as llama.cpp has them, pairs of a rotation side by side."""
    return rows.reshape(heads, 2, -1, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def _add_rope(writer: gguf.GGUFWriter, parameters: dict[str, Any]) -> None:
    whole = parameters.get("full_attention", parameters)
    writer.add_rope_freq_base(whole["rope_theta"])
    if whole["rope_type"] == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(whole["factor"])
        writer.add_rope_scaling_orig_ctx_len(whole["original_max_position_embeddings"])


def _add_tensors(writer: gguf.GGUFWriter, tiny: Tiny, *, is_llama: bool) -> None:
    about = tiny.architecture
    heads = {"q": about.num_heads, "k": about.num_kv_heads}
    for name, tensor in tiny.weights.tensors.items():
        part = name.split(".")[-1]
        turned = is_llama and part in heads
        writer.add_tensor(gguf_name(name), permuted(tensor, heads[part]) if turned else tensor)
    if tiny.model.config.rope_parameters.get("rope_type") == "llama3":
        writer.add_tensor("rope_freqs.weight", _factors(about))


def _factors(about: Architecture) -> Floats:
    exponents = np.arange(0, about.head_dim, 2, dtype=np.float32) / np.float32(about.head_dim)
    plain = np.float32(1) / np.float32(10_000) ** exponents
    return (plain / np.array(about.ropes[0].inverse_frequencies, np.float32)).astype(np.float32)
