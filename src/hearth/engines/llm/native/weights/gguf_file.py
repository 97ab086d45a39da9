"""A model in GGUF: its metadata told as a config of transformers, its tensors in our order.

Meaning of the keys: llama.cpp's `convert_hf_to_gguf.py` and `llama-model.cpp`. Its converter adds
the one that Gemma's norms lack, so nothing is added here.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from hearth.engines.llm.gguf_metadata import MetadataValue
from hearth.engines.llm.native.architecture import SITES, Architecture, Rope
from hearth.engines.llm.native.backend import Floats
from hearth.engines.llm.native.weights.families import read_architecture
from hearth.engines.llm.native.weights.fields import Fields
from hearth.engines.llm.native.weights.gguf_tensors import GgufTensors
from hearth.engines.llm.native.weights.names import GGUF_SITES, gguf_name
from hearth.errors import SetupError

_FAMILIES = {
    "llama": "llama",
    "qwen2": "qwen2",
    "qwen3": "qwen3",
    "gemma": "gemma",
    "gemma2": "gemma2",
    "gemma3": "gemma3_text",
}
"By `general.architecture`; Mistral's models are told as llama."

_PATTERNS = {"gemma2": 2, "gemma3": 6}
"Which layer of how many sees everything."

_SCALED_BY_WIDTH = {"gemma2": 46, "gemma3": 62}
"Layers of the one size whose queries are scaled by another number than the size of a head."

_ROPE_FACTORS = "rope_freqs.weight"
_MOST = 1 << 27


class GgufWeights:
    """`Weights` of a GGUF file.

    Attributes:
        is_permuted: the rows of queries and keys are in llama.cpp's order.

    Raises:
        SetupError: it is of an architecture that is not supported, or does not hold what its
            metadata promises.
    """

    def __init__(self, tensors: GgufTensors) -> None:
        self._tensors = tensors
        self.architecture = _architecture(tensors)
        self.is_permuted = tensors.metadata.get("general.architecture") == "llama"
        for name, shape in self.architecture.tensor_shapes().items():
            self._check(gguf_name(name), shape)

    def tensor(self, name: str) -> Floats:
        """See `Weights`."""
        rows = None
        part = name.split(".")[2:3]
        if self.is_permuted and part in (["q"], ["k"]):
            rows = half_split_rows(self.architecture, is_query=part == ["q"])
        return self._tensors.read(gguf_name(name), rows)

    def _check(self, theirs: str, shape: tuple[int, ...]) -> None:
        if theirs not in self._tensors:
            raise SetupError(f"{self._tensors.path} lacks the tensor {theirs}; fetch it again.")
        found = self._tensors.shape(theirs)
        if found != shape:
            raise SetupError(
                f"The tensor {theirs} of {self._tensors.path} has the shape {list(found)}; its "
                f"metadata promises {list(shape)}."
            )


def half_split_rows(architecture: Architecture, *, is_query: bool) -> NDArray[np.intp]:
    """Return which row of llama.cpp's order comes to each place in ours.

    There, the two rows of each rotary pair of a head are neighbours; here, one is in each half.
    """
    heads = architecture.num_heads if is_query else architecture.num_kv_heads
    rows = np.arange(heads * architecture.head_dim)
    return rows.reshape(heads, -1, 2).swapaxes(1, 2).reshape(-1)


def gguf_architecture(family: str) -> str:
    """Return what GGUF calls a family, for adapters of a model."""
    names = {ours: theirs for theirs, ours in _FAMILIES.items()} | {"mistral": "llama"}
    return names[family]


def _architecture(tensors: GgufTensors) -> Architecture:
    config = _config(tensors)
    plain = read_architecture(config, str(tensors.path))
    biases = frozenset(site for site in SITES if f"blk.0.{GGUF_SITES[site]}.bias" in tensors)
    plain = replace(plain, biases=biases)
    if _ROPE_FACTORS not in tensors:
        return plain
    factors = tensors.read(_ROPE_FACTORS)
    rope = plain.ropes[0]
    if factors.shape != (len(rope.inverse_frequencies),) or factors.min() <= 0:
        raise SetupError(f"The tensor {_ROPE_FACTORS} of {tensors.path} makes no sense.")
    slowed = np.array(rope.inverse_frequencies, np.float32) / factors
    return replace(plain, ropes=(Rope(tuple(slowed.tolist()), rope.attention_factor),))


def _config(tensors: GgufTensors) -> dict[str, object]:
    """Tell the metadata as a config."""
    name = tensors.metadata.get("general.architecture")
    if tensors.metadata.get("general.type", "model") != "model" or name not in _FAMILIES:
        raise SetupError(
            f"{tensors.path} is of the architecture {name}, which the engine native does not have; "
            f"known: {', '.join(_FAMILIES)}."
        )
    keys = _keys(tensors.metadata, str(name), str(tensors.path))
    if keys.get("expert_count"):
        raise SetupError(f"{tensors.path} has experts, which the engine native does not have.")
    hidden = keys.count("embedding_length", _MOST)
    heads = keys.count("attention.head_count", _MOST)
    head_dim = keys.count("attention.key_length", _MOST, default=hidden // heads)
    for each in ("rope.dimension_count", "attention.value_length"):
        if keys.count(each, _MOST, default=head_dim) != head_dim:
            raise keys.wrong(each, f"the size of a head, {head_dim}")
    config: dict[str, object] = {
        "model_type": _FAMILIES[str(name)],
        "num_hidden_layers": keys.count("block_count", _MOST),
        "hidden_size": hidden,
        "intermediate_size": keys.count("feed_forward_length", _MOST),
        "num_attention_heads": heads,
        "num_key_value_heads": keys.count("attention.head_count_kv", _MOST, default=heads),
        "head_dim": head_dim,
        "max_position_embeddings": keys.count("context_length", _MOST),
        "rms_norm_eps": keys.number("attention.layer_norm_rms_epsilon"),
        "vocab_size": _vocabulary_size(tensors),
        "tie_word_embeddings": "output.weight" not in tensors,
        "rope_parameters": _rope(keys),
    }
    return config | (_gemma(keys, config) if name in _PATTERNS else {})


def _keys(metadata: Mapping[str, MetadataValue], name: str, path: str) -> Fields:
    prefix = f"{name}."
    own = {key.removeprefix(prefix): v for key, v in metadata.items() if key.startswith(prefix)}
    return Fields(own, path)


def _vocabulary_size(tensors: GgufTensors) -> int:
    name = gguf_name("embed")
    if name not in tensors:
        raise SetupError(f"{tensors.path} lacks the tensor {name}; fetch it again.")
    return tensors.shape(name)[0]


def _rope(keys: Fields) -> dict[str, object]:
    theta = keys.number("rope.freq_base", default=10_000.0)
    factor = keys.get("rope.scaling.factor") or keys.get("rope.scale_linear")
    kind = keys.text("rope.scaling.type", default="linear" if factor else "none")
    if kind == "none" or not factor:
        return {"rope_theta": theta}
    parameters = {
        "rope_theta": theta,
        "rope_type": kind,
        "factor": factor,
        "original_max_position_embeddings": keys.get("rope.scaling.original_context_length"),
        "beta_fast": keys.get("rope.scaling.yarn_beta_fast"),
        "beta_slow": keys.get("rope.scaling.yarn_beta_slow"),
    }
    if keys.get("rope.scaling.attn_factor") is not None:
        scale = 0.1 * np.log(keys.number("rope.scaling.factor")) + 1
        parameters["attention_factor"] = keys.number("rope.scaling.attn_factor") * float(scale)
    return parameters


def _gemma(keys: Fields, config: Mapping[str, object]) -> dict[str, object]:
    """What the newer Gemmas have besides."""
    name = "gemma2" if config["model_type"] == "gemma2" else "gemma3"
    layers, heads = keys.count("block_count", _MOST), keys.count("attention.head_count", _MOST)
    by_width = layers == _SCALED_BY_WIDTH[name]
    scalar = keys.count("embedding_length", _MOST) // heads if by_width else config["head_dim"]
    own: dict[str, object] = {
        "query_pre_attn_scalar": scalar,
        "sliding_window": keys.count("attention.sliding_window", _MOST, default=4096),
        **_pattern(keys, _PATTERNS[name]),
    }
    caps = {cap: keys.get(cap) for cap in ("attn_logit_softcapping", "final_logit_softcapping")}
    own |= {cap: value for cap, value in caps.items() if value is not None}
    if name == "gemma3":
        local = keys.number("rope.freq_base_swa", default=10_000.0)
        own["rope_parameters"] = {
            "full_attention": config["rope_parameters"],
            "sliding_attention": {"rope_theta": local},
        }
    return own


def _pattern(keys: Fields, default: int) -> dict[str, object]:
    """Which layers have a window: each told, or one number for all."""
    given = keys.get("attention.sliding_window_pattern")
    if isinstance(given, list):
        names = ("full_attention", "sliding_attention")
        return {"layer_types": [names[bool(each)] for each in given]}
    most = keys.count("attention.sliding_window_pattern", _MOST, default=default)
    return {"sliding_window_pattern": most}
