"""Tiny random models of each family: ours as data, and the same one in transformers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from hearth.engines.llm.native.architecture import SITES, Architecture, Rope, Site
from hearth.engines.llm.native.backend import Floats

FAMILIES = ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text")

_YARN = {
    "rope_type": "yarn",
    "rope_theta": 10_000.0,
    "factor": 4.0,
    "original_max_position_embeddings": 64,
}
_LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10_000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
_COMMON = {
    "vocab_size": 259,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 256,
    "initializer_range": 0.2,
    "tie_word_embeddings": False,
    "pad_token_id": None,
    "bos_token_id": None,
    "eos_token_id": None,
    "attn_implementation": "eager",
}
_GEMMA = {"head_dim": 32, "tie_word_embeddings": True, "query_pre_attn_scalar": 24}
_SLIDING = ["sliding_attention", "full_attention", "sliding_attention"]
_OWN: dict[str, dict[str, Any]] = {  # what a config of transformers takes
    "llama": {"rope_parameters": _LLAMA3},
    "mistral": {"sliding_window": 7},
    "qwen2": {"use_sliding_window": False},
    "qwen3": {"rope_parameters": _YARN, "tie_word_embeddings": True},
    "gemma": {"head_dim": 32, "tie_word_embeddings": True, "num_key_value_heads": 1},
    "gemma2": _GEMMA
    | {
        "num_hidden_layers": 3,
        "sliding_window": 7,
        "layer_types": _SLIDING,
        "attn_logit_softcapping": 4.0,
        "final_logit_softcapping": 6.0,
    },
    "gemma3_text": _GEMMA | {"num_hidden_layers": 3, "sliding_window": 7, "layer_types": _SLIDING},
}
_SLIDING_FAMILIES = ("mistral", "gemma2", "gemma3_text")
_SITE_NAMES: dict[Site, str] = {
    "q": "self_attn.q_proj",
    "k": "self_attn.k_proj",
    "v": "self_attn.v_proj",
    "o": "self_attn.o_proj",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "down": "mlp.down_proj",
}
_NORM_NAMES = {"attention_norm": "input_layernorm", "mlp_norm": "post_attention_layernorm"}
_POST_NORM_NAMES = {
    "attention_norm": "input_layernorm",
    "post_attention_norm": "post_attention_layernorm",
    "mlp_norm": "pre_feedforward_layernorm",
    "post_mlp_norm": "post_feedforward_layernorm",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyWeights:
    """`Weights` over arrays in memory."""

    architecture: Architecture
    tensors: dict[str, Floats]

    def tensor(self, name: str) -> Floats:
        """See `Weights`."""
        return self.tensors[name]


class Tiny(NamedTuple):
    """One model three times: what it is made of, its weights, and transformers' own."""

    architecture: Architecture
    weights: TinyWeights
    model: Any  # of transformers, whose types say nothing


def tiny(family: str, **changes: Any) -> Tiny:
    """Make a model of a family, the same one every time.

    Args:
        family: one of `FAMILIES`.
        changes: fields of transformers' config.
    """
    settings = _COMMON | _OWN[family] | changes
    config = AutoConfig.for_model(family, **settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        from_config: Any = AutoModelForCausalLM.from_config  # untyped there
        model = from_config(config, dtype=torch.float32).eval()
        _randomize_vectors(model)
    model.requires_grad_(requires_grad=False)
    architecture = _architecture(family, model)
    tensors = {name: _tensor(model, name) for name in architecture.tensor_shapes()}
    assert {n: t.shape for n, t in tensors.items()} == architecture.tensor_shapes()
    return Tiny(architecture, TinyWeights(architecture=architecture, tensors=tensors), model)


def site_module(layer: int, site: Site) -> str:
    """The name that transformers and PEFT know a linear map by."""
    return f"model.layers.{layer}.{_SITE_NAMES[site]}"


def _randomize_vectors(model: Any) -> None:
    """Norms and biases start as ones and zeros, which would hide mistakes."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.2 * torch.randn_like(parameter))


def _architecture(family: str, model: Any) -> Architecture:
    config, layers = model.config, model.model.layers
    types = getattr(config, "layer_types", None) or [None] * config.num_hidden_layers
    window = config.sliding_window if family in _SLIDING_FAMILIES else 0
    ropes, layer_ropes = _ropes(family, model, types)
    sites = {site: model.get_submodule(site_module(0, site)) for site in SITES}
    return Architecture(
        family=family,
        num_layers=config.num_hidden_layers,
        hidden_size=config.hidden_size,
        intermediate_size=config.intermediate_size,
        num_heads=config.num_attention_heads,
        num_kv_heads=config.num_key_value_heads,
        head_dim=config.head_dim,
        vocabulary_size=config.vocab_size,
        context_tokens=config.max_position_embeddings,
        norm_eps=config.rms_norm_eps,
        activation="gelu_tanh" if family.startswith("gemma") else "silu",
        biases=frozenset(site for site in SITES if sites[site].bias is not None),
        has_qk_norm=hasattr(layers[0].self_attn, "q_norm"),
        has_post_norms=hasattr(layers[0], "post_feedforward_layernorm"),
        is_tied=config.tie_word_embeddings,
        embedding_scale=config.hidden_size**0.5 if family.startswith("gemma") else 1.0,
        attention_scale=layers[0].self_attn.scaling,
        attention_softcap=getattr(config, "attn_logit_softcapping", None) or 0.0,
        logit_softcap=getattr(config, "final_logit_softcapping", None) or 0.0,
        ropes=ropes,
        layer_ropes=layer_ropes,
        layer_windows=tuple(0 if kind == "full_attention" else window for kind in types),
    )


def _ropes(
    family: str, model: Any, types: list[str | None]
) -> tuple[tuple[Rope, ...], tuple[int, ...]]:
    rotary = model.model.rotary_emb
    if family != "gemma3_text":
        rope = Rope(tuple(rotary.inv_freq.tolist()), rotary.attention_scaling)
        return (rope,), (0,) * len(types)
    kinds = ("full_attention", "sliding_attention")
    ropes = [
        Rope(
            tuple(getattr(rotary, f"{kind}_inv_freq").tolist()),
            getattr(rotary, f"{kind}_attention_scaling"),
        )
        for kind in kinds
    ]
    return tuple(ropes), tuple(kinds.index(str(kind)) for kind in types)


def _tensor(model: Any, name: str) -> Floats:
    theirs = _their_name(model, name)
    tensor: Floats = model.get_parameter(theirs).detach().numpy().copy()
    is_gemma_norm = model.config.model_type.startswith("gemma") and "norm" in name
    return np.float32(1) + tensor if is_gemma_norm else tensor


def _their_name(model: Any, name: str) -> str:
    top = {"embed": "embed_tokens.weight", "norm": "norm.weight"}
    if name == "head":
        return "lm_head.weight"
    if name in top:
        return f"model.{top[name]}"
    _, layer, rest = name.split(".", 2)
    site, _, kind = rest.partition(".")
    has_post_norms = hasattr(model.model.layers[0], "post_feedforward_layernorm")
    norms = (_POST_NORM_NAMES if has_post_norms else _NORM_NAMES) | {
        norm: f"self_attn.{norm}" for norm in ("q_norm", "k_norm")
    }
    inner: dict[str, str] = {str(name): theirs for name, theirs in _SITE_NAMES.items()} | norms
    return f"model.layers.{layer}.{inner[site]}.{kind or 'weight'}"
