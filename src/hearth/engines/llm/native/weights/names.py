"""What the formats call the tensors of `Architecture.tensor_shapes`."""

from __future__ import annotations

from typing import cast

from hearth.engines.llm.native.architecture import Site

HF_SITES: dict[Site, str] = {
    "q": "self_attn.q_proj",
    "k": "self_attn.k_proj",
    "v": "self_attn.v_proj",
    "o": "self_attn.o_proj",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "down": "mlp.down_proj",
}
GGUF_SITES: dict[Site, str] = {
    "q": "attn_q",
    "k": "attn_k",
    "v": "attn_v",
    "o": "attn_output",
    "gate": "ffn_gate",
    "up": "ffn_up",
    "down": "ffn_down",
}

_HF_NORMS = {
    "attention_norm": "input_layernorm",
    "mlp_norm": "post_attention_layernorm",
    "q_norm": "self_attn.q_norm",
    "k_norm": "self_attn.k_norm",
}
_HF_POST_NORMS = {
    "post_attention_norm": "post_attention_layernorm",
    "mlp_norm": "pre_feedforward_layernorm",
    "post_mlp_norm": "post_feedforward_layernorm",
}
_GGUF_NORMS = {
    "attention_norm": "attn_norm",
    "mlp_norm": "ffn_norm",
    "q_norm": "attn_q_norm",
    "k_norm": "attn_k_norm",
    "post_attention_norm": "post_attention_norm",
    "post_mlp_norm": "post_ffw_norm",
}
_HF_TOP = {"embed": "embed_tokens.weight", "norm": "norm.weight"}
_GGUF_TOP = {
    "embed": "token_embd.weight",
    "norm": "output_norm.weight",
    "head": "output.weight",
}


def is_norm(name: str) -> bool:
    """Whether a tensor is the weight of a norm."""
    return name.endswith("norm")


def hf_name(name: str, *, has_post_norms: bool) -> str:
    """Return the name in a checkpoint of transformers, below its `model.`.

    Args:
        name: ours, not that of the head, which is beside the model there.
        has_post_norms: as in `Architecture`; Gemma 2 and 3 give an old name to another norm.
    """
    if name in _HF_TOP:
        return _HF_TOP[name]
    norms = _HF_NORMS | _HF_POST_NORMS if has_post_norms else _HF_NORMS
    layer, part, kind = _parts(name)
    theirs = norms.get(part) or HF_SITES[cast("Site", part)]
    return f"layers.{layer}.{theirs}.{kind}"


def gguf_name(name: str) -> str:
    """Return the name in a GGUF file."""
    if name in _GGUF_TOP:
        return _GGUF_TOP[name]
    layer, part, kind = _parts(name)
    theirs = _GGUF_NORMS.get(part) or GGUF_SITES[cast("Site", part)]
    return f"blk.{layer}.{theirs}.{kind}"


def _parts(name: str) -> tuple[str, str, str]:
    """Return the layer, what it is of it, and `weight` or `bias`."""
    _, layer, rest = name.split(".", 2)
    part, _, kind = rest.partition(".")
    return layer, part, kind or "weight"
