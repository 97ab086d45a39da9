"""Models of every family, from folders and GGUF files: the description and the very weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from hearth.engines.llm.native.architecture import Architecture
from hearth.engines.llm.native.backend import Weights
from hearth.engines.llm.native.weights.families import read_architecture
from hearth.engines.llm.native.weights.gguf_file import GgufWeights
from hearth.engines.llm.native.weights.gguf_tensors import GgufTensors
from hearth.engines.llm.native.weights.safetensors_folder import SafetensorsWeights
from hearth.errors import SetupError
from tests.engines.llm.native.tiny import FAMILIES, Tiny, tiny
from tests.engines.llm.native.weights.family_files import write_family

LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "vocab_size": 259,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
}
GGUF_CHANGES: dict[str, dict[str, Any]] = {
    "mistral": {"sliding_window": None},
    "gemma2": {"query_pre_attn_scalar": 32},
    "gemma3_text": {"query_pre_attn_scalar": 32},
}
"What GGUF can tell."


def saved(folder: Path, model: Tiny, **options: Any) -> Weights:
    model.model.save_pretrained(folder, **options)
    config = json.loads((folder / "config.json").read_text())
    return SafetensorsWeights(folder, read_architecture(config, str(folder)))


def check(found: Weights, expected: Tiny) -> None:
    """Rotary frequencies may differ in their last bit."""
    ours, theirs = found.architecture, expected.architecture
    for rope, wanted in zip(ours.ropes, theirs.ropes, strict=True):
        assert rope.inverse_frequencies == pytest.approx(wanted.inverse_frequencies, rel=3e-7)
        assert rope.attention_factor == pytest.approx(wanted.attention_factor, rel=1e-6)
    assert replace(ours, ropes=theirs.ropes, norm_eps=theirs.norm_eps) == theirs
    assert ours.norm_eps == pytest.approx(theirs.norm_eps)
    for name in theirs.tensor_shapes():
        np.testing.assert_array_equal(found.tensor(name), expected.weights.tensor(name), name)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_folder_of_transformers_is_read(tmp_path: Path, family: str) -> None:
    model = tiny(family)

    check(saved(tmp_path, model), model)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_gguf_file_is_read(tmp_path: Path, family: str) -> None:
    model = tiny(family, **GGUF_CHANGES.get(family, {}))
    about = model.architecture
    if family == "mistral":  # which GGUF tells as llama
        about = replace(about, family="llama", layer_windows=(0, 0))

    weights = GgufWeights(GgufTensors(write_family(tmp_path / "model.gguf", model)))

    check(weights, model._replace(architecture=about))


def test_shards_are_read(tmp_path: Path) -> None:
    model = tiny("qwen2")

    weights = saved(tmp_path, model, max_shard_size="50KB")

    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    check(weights, model)


def test_biases_of_all_linear_maps_are_read(tmp_path: Path) -> None:
    model = tiny("llama", attention_bias=True, mlp_bias=True)

    assert len(model.architecture.biases) == 7
    check(saved(tmp_path, model), model)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_precisions_become_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    model = tiny("llama")
    model.model.to(dtype)
    weights = saved(tmp_path, model)

    expected = model.model.get_parameter("model.layers.1.mlp.up_proj.weight").float().numpy()
    np.testing.assert_array_equal(weights.tensor("layers.1.up"), expected)


@pytest.mark.parametrize(
    "scaling",
    [
        {"rope_type": "linear", "factor": 4.0},
        {"type": "linear", "factor": 4.0},
        {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "beta_fast": 16},
        {"rope_type": "yarn", "factor": 8.0, "mscale": 0.7, "mscale_all_dim": 1.2},
        {"rope_type": "yarn", "factor": 8.0, "attention_factor": 1.5, "truncate": False},
    ],
)
def test_the_older_form_of_rope_scaling_is_read(scaling: dict[str, Any]) -> None:
    model = tiny("llama", rope_parameters={"rope_theta": 5e5, **scaling})
    config = {**LLAMA, "rope_theta": 5e5, "rope_scaling": scaling}

    (rope,) = read_architecture(config, "it").ropes

    (wanted,) = model.architecture.ropes
    assert rope.inverse_frequencies == pytest.approx(wanted.inverse_frequencies, rel=3e-7)
    assert rope.attention_factor == pytest.approx(wanted.attention_factor, rel=1e-6)


def test_windows_of_qwen_begin_after_the_first_layers() -> None:
    config = {**LLAMA, "model_type": "qwen2", "num_hidden_layers": 4, "sliding_window": 8}
    config |= {"max_window_layers": 3}

    assert read_architecture(config, "it").layer_windows == (0, 0, 0, 0)
    used = read_architecture({**config, "use_sliding_window": True}, "it")
    assert used.layer_windows == (0, 0, 0, 8)


def test_a_gemma_that_sees_is_read_as_its_text_part() -> None:
    text: dict[str, Any] = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 7}
    text |= {"sliding_window": 16, "rope_scaling": {"rope_type": "linear", "factor": 8.0}}

    about = read_architecture({"model_type": "gemma3", "text_config": text}, "it")

    assert (about.family, about.head_dim, about.is_tied) == ("gemma3_text", 256, True)
    assert about.layer_windows == (16, 16, 16, 16, 16, 0, 16)
    assert about.layer_ropes == (1, 1, 1, 1, 1, 0, 1)
    assert about.ropes[0].inverse_frequencies[0] == 1 / 8
    assert about.ropes[1].inverse_frequencies[0] == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "mamba"}, "family mamba.*known: llama, mistral"),
        ({"quantization_config": {}}, "quantised weights"),
        ({"num_attention_heads": 0}, "num_attention_heads of it is 0"),
        ({"num_key_value_heads": 3}, "num_key_value_heads of it is 3; .* divisor of the 4 heads"),
        ({"hidden_size": None}, "hidden_size of it is missing"),
        ({"hidden_size": 10**9}, "hidden_size of it is 1000000000"),
        ({"head_dim": 3}, "head_dim of it is 3; it must be even"),
        ({"vocab_size": "many"}, "vocab_size of it is 'many'"),
        ({"rms_norm_eps": float("nan")}, "rms_norm_eps of it is nan"),
        ({"hidden_act": "relu"}, "hidden_act of it is 'relu'; it must be one of silu"),
        ({"rope_scaling": {"type": "dynamic", "factor": 2}}, "kind dynamic.*known: default"),
        ({"rope_scaling": {"rope_type": "longrope"}}, "kind longrope"),
        ({"rope_scaling": {"rope_type": "linear"}}, "factor of rope_scaling of it is missing"),
        ({"rope_theta": 0}, "rope_theta of rope_parameters of it is 0"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
        ({"rope_parameters": {"full_attention": {}}}, "full_attention of rope_parameters"),
        ({"tie_word_embeddings": "yes"}, "tie_word_embeddings of it is 'yes'"),
    ],
)
def test_what_makes_no_sense_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SetupError, match=message):
        read_architecture({**LLAMA, **changes}, "it")


def test_a_config_without_extras_is_read() -> None:
    about = read_architecture(LLAMA, "it")

    assert isinstance(about, Architecture)
    assert (about.num_kv_heads, about.head_dim, about.is_tied) == (4, 16, False)
