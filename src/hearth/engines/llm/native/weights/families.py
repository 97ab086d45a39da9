"""What a Hugging Face config says of a model: one short function a family over shared reading.

Fields and defaults are those of transformers' `configuration_*.py`, meaning those of its
`modeling_*.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from hearth.engines.llm.native.architecture import Activation, Architecture, Site
from hearth.engines.llm.native.weights.fields import Fields
from hearth.engines.llm.native.weights.ropes import read_rope, rope_parameters
from hearth.errors import SetupError

MAX_CONTEXT_TOKENS = 1 << 27
_MAX_LAYERS, _MAX_HEADS, _MAX_HEAD_DIM = 1024, 4096, 4096
_MAX_HIDDEN, _MAX_INTERMEDIATE, _MAX_VOCABULARY = 1 << 17, 1 << 20, 1 << 24

_ACTIVATIONS: dict[str, Activation] = {"silu": "silu", "gelu_pytorch_tanh": "gelu_tanh"}
_ATTENTION: frozenset[Site] = frozenset({"q", "k", "v", "o"})
_MLP: frozenset[Site] = frozenset({"gate", "up", "down"})
_FULL, _SLIDING = "full_attention", "sliding_attention"
_GEMMA: dict[str, object] = {"head_dim": 256, "tie_word_embeddings": True, "rms_norm_eps": 1e-6}
_GEMMA3_TEXT = {
    **_GEMMA,
    "vocab_size": 262_208,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "max_position_embeddings": 131_072,
    "sliding_window": 4096,
    "query_pre_attn_scalar": 256,
    "sliding_window_pattern": 6,
}
_DEFAULTS: dict[str, dict[str, object]] = {
    "llama": {},
    "mistral": {"sliding_window": 4096},
    "qwen2": {"sliding_window": 4096, "max_window_layers": 28},
    "qwen3": {"sliding_window": 4096, "max_window_layers": 28, "head_dim": 128},
    "gemma": _GEMMA,
    "gemma2": {
        **_GEMMA,
        "sliding_window": 4096,
        "query_pre_attn_scalar": 256,
        "sliding_window_pattern": 2,
        "attn_logit_softcapping": 50.0,
        "final_logit_softcapping": 30.0,
    },
    "gemma3_text": _GEMMA3_TEXT,
}
"What a config leaves out."


def read_architecture(config: Mapping[str, object], where: str) -> Architecture:
    """Read the description of a model.

    Args:
        config: the object in its `config.json`.
        where: what it is, for messages.

    Raises:
        SetupError: the family or a choice in it is not supported, or a number makes no sense.
    """
    outer = Fields(config, where)
    if outer.get("quantization_config") is not None:
        raise SetupError(f"{where} is of quantised weights; give weights that are not, or GGUF.")
    if outer.text("model_type") == "gemma3":
        tied = outer.flag("tie_word_embeddings", default=True)
        text = {"tie_word_embeddings": tied, **outer.part("text_config").values}
        outer = Fields({**text, "model_type": "gemma3_text"}, where)
    family = outer.text("model_type")
    if family not in _FAMILIES:
        raise SetupError(
            f"{where} is of the family {family or 'unknown'}, which the engine native does not "
            f"have; known: {', '.join(_FAMILIES)}, gemma3."
        )
    fields = Fields({**_DEFAULTS[family], **outer.values}, where)
    if fields.flag("use_bidirectional_attention"):
        raise fields.wrong("use_bidirectional_attention", "false in a model that writes")
    return _FAMILIES[family](fields)


def _llama(fields: Fields) -> Architecture:
    attention = _ATTENTION if fields.flag("attention_bias") else frozenset()
    return _plain(fields, attention | (_MLP if fields.flag("mlp_bias") else frozenset()))


def _mistral(fields: Fields) -> Architecture:
    plain = _plain(fields)
    return replace(plain, layer_windows=(_window(fields),) * plain.num_layers)


def _qwen2(fields: Fields) -> Architecture:
    plain = _plain(fields, frozenset({"q", "k", "v"}))
    return replace(plain, layer_windows=_qwen_windows(fields, plain.num_layers))


def _qwen3(fields: Fields) -> Architecture:
    plain = _plain(fields, _ATTENTION if fields.flag("attention_bias") else frozenset())
    windows = _qwen_windows(fields, plain.num_layers)
    return replace(plain, has_qk_norm=True, layer_windows=windows)


def _gemma(fields: Fields) -> Architecture:
    plain = _plain(fields, _ATTENTION if fields.flag("attention_bias") else frozenset())
    return replace(plain, embedding_scale=plain.hidden_size**0.5)


def _gemma2(fields: Fields) -> Architecture:
    plain = _gemma(fields)
    return replace(
        plain,
        has_post_norms=True,
        attention_scale=fields.number("query_pre_attn_scalar") ** -0.5,
        attention_softcap=_cap(fields, "attn_logit_softcapping"),
        logit_softcap=_cap(fields, "final_logit_softcapping"),
        layer_windows=_windows(fields, _gemma_kinds(fields, plain.num_layers)),
    )


def _gemma3(fields: Fields) -> Architecture:
    """Layers with a window rotate by frequencies of their own."""
    no_rope = {"rope_scaling": None, "rope_parameters": None}
    plain = _gemma2(Fields({**fields.values, **no_rope}, fields.where))
    kinds = _gemma_kinds(fields, plain.num_layers)
    given = fields.part("rope_parameters")
    scaling = fields.part("rope_scaling")
    theta, local = fields.get("rope_theta"), fields.get("rope_local_base_freq")
    whole = {"rope_theta": theta or 1_000_000.0, **given.part(_FULL).values, **scaling.values}
    near = {"rope_theta": local or 10_000.0, **given.part(_SLIDING).values}
    ropes = [read_rope(Fields(each, given.where), fields, plain.head_dim) for each in (whole, near)]
    return replace(
        plain,
        has_qk_norm=True,
        ropes=tuple(ropes),
        layer_ropes=tuple(int(kind == _SLIDING) for kind in kinds),
    )


_FAMILIES: dict[str, Callable[[Fields], Architecture]] = {
    "llama": _llama,
    "mistral": _mistral,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "gemma": _gemma,
    "gemma2": _gemma2,
    "gemma3_text": _gemma3,
}


def _plain(fields: Fields, biases: frozenset[Site] = frozenset()) -> Architecture:
    """What all families have."""
    layers = fields.count("num_hidden_layers", _MAX_LAYERS)
    hidden = fields.count("hidden_size", _MAX_HIDDEN)
    heads = fields.count("num_attention_heads", _MAX_HEADS)
    kv_heads = fields.count("num_key_value_heads", heads, default=heads)
    if heads % kv_heads:
        raise fields.wrong("num_key_value_heads", f"a divisor of the {heads} heads")
    head_dim = fields.count("head_dim", _MAX_HEAD_DIM, default=hidden // heads)
    if head_dim < 2 or head_dim % 2:
        raise fields.wrong("head_dim", "even, to be rotated in pairs")
    return Architecture(
        family=fields.text("model_type"),
        num_layers=layers,
        hidden_size=hidden,
        intermediate_size=fields.count("intermediate_size", _MAX_INTERMEDIATE),
        num_heads=heads,
        num_kv_heads=kv_heads,
        head_dim=head_dim,
        vocabulary_size=fields.count("vocab_size", _MAX_VOCABULARY),
        context_tokens=fields.count("max_position_embeddings", MAX_CONTEXT_TOKENS),
        norm_eps=fields.number("rms_norm_eps", default=1e-6),
        activation=_activation(fields),
        biases=biases,
        is_tied=fields.flag("tie_word_embeddings"),
        attention_scale=head_dim**-0.5,
        ropes=(read_rope(rope_parameters(fields), fields, head_dim),),
        layer_ropes=(0,) * layers,
        layer_windows=(0,) * layers,
    )


def _activation(fields: Fields) -> Activation:
    is_gemma = fields.text("model_type").startswith("gemma")
    name = "hidden_activation" if fields.get("hidden_activation") else "hidden_act"
    act = fields.text(name, default="gelu_pytorch_tanh" if is_gemma else "silu")
    if is_gemma and act == "gelu":  # what the first Gemma's config says, and does not mean
        act = "gelu_pytorch_tanh"
    if act not in _ACTIVATIONS:
        raise fields.wrong(name, f"one of {', '.join(_ACTIVATIONS)}")
    return _ACTIVATIONS[act]


def _cap(fields: Fields, name: str) -> float:
    return 0.0 if fields.get(name) is None else fields.number(name)


def _window(fields: Fields) -> int:
    if fields.get("sliding_window") is None:
        return 0
    return fields.count("sliding_window", MAX_CONTEXT_TOKENS)


def _windows(fields: Fields, kinds: list[str]) -> tuple[int, ...]:
    window = _window(fields)
    if window == 0 and _SLIDING in kinds:
        raise fields.wrong("sliding_window", "given where layers have one")
    return tuple(window if kind == _SLIDING else 0 for kind in kinds)


def _qwen_windows(fields: Fields, layers: int) -> tuple[int, ...]:
    if not fields.flag("use_sliding_window") or fields.get("sliding_window") is None:
        return (0,) * layers
    kinds = fields.words("layer_types", (_FULL, _SLIDING), count=layers)
    has_full = bool(fields.get("max_window_layers"))
    first = fields.count("max_window_layers", _MAX_LAYERS) if has_full else 0
    return _windows(fields, kinds or [_FULL] * min(first, layers) + [_SLIDING] * (layers - first))


def _gemma_kinds(fields: Fields, layers: int) -> list[str]:
    kinds = fields.words("layer_types", (_FULL, _SLIDING), count=layers)
    pattern = fields.count("sliding_window_pattern", _MAX_LAYERS)
    return kinds or [_SLIDING if (i + 1) % pattern else _FULL for i in range(layers)]
