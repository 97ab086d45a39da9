"""Files of weights: read exactly, and every damage is one clear line."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from hearth.engines.llm.native.weights.families import read_architecture
from hearth.engines.llm.native.weights.gguf_file import GgufWeights
from hearth.engines.llm.native.weights.gguf_tensors import GgufTensors
from hearth.engines.llm.native.weights.safetensors_folder import SafetensorsWeights
from hearth.errors import SetupError
from tests.engines.llm.native.tiny import tiny
from tests.engines.llm.native.weights.family_files import permuted
from tests.engines.models import smollm2_path, write_tiny_model

UP = "model.layers.0.mlp.up_proj.weight"
Tensors = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    tiny("llama").model.save_pretrained(path)
    return path


def opened(folder: Path) -> SafetensorsWeights:
    config = json.loads((folder / "config.json").read_text())
    return SafetensorsWeights(folder, read_architecture(config, str(folder)))


def changed(folder: Path, target: Path, change: Callable[[Tensors], object]) -> Path:
    tensors: Tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, target / "model.safetensors")
    (target / "config.json").write_bytes((folder / "config.json").read_bytes())
    return target


def test_a_missing_tensor_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=f"lacks the tensor {UP}"):
        opened(changed(folder, tmp_path, lambda tensors: tensors.pop(UP)))


def test_a_wrong_shape_is_named(folder: Path, tmp_path: Path) -> None:
    def turn(tensors: Tensors) -> None:
        tensors[UP] = np.ascontiguousarray(tensors[UP].T)

    with pytest.raises(SetupError, match=rf"{UP} in .* has the shape \[64, 96\].*\[96, 64\]"):
        opened(changed(folder, tmp_path, turn))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(folder: Path, tmp_path: Path, bad: float) -> None:
    def spoil(tensors: Tensors) -> None:
        tensors[UP][3, 5] = bad

    weights = opened(changed(folder, tmp_path, spoil))

    with pytest.raises(SetupError, match=f"{UP} in .* not finite"):
        weights.tensor("layers.0.up")


def test_tensors_that_nobody_asks_for_are_left_alone(folder: Path, tmp_path: Path) -> None:
    extra = {"model.layers.0.self_attn.rotary_emb.inv_freq": np.arange(3)}
    weights = opened(changed(folder, tmp_path, lambda tensors: tensors.update(extra)))

    assert weights.tensor("norm").shape == (64,)


def test_a_longer_prefix_of_models_that_see_is_found(folder: Path, tmp_path: Path) -> None:
    def rename(tensors: Tensors) -> None:
        for name in list(tensors):
            tensors[f"language_model.{name}"] = tensors.pop(name)
        tensors["vision_tower.embed_tokens.weight"] = np.zeros(3, np.float32)

    weights = opened(changed(folder, tmp_path, rename))

    np.testing.assert_array_equal(weights.tensor("head"), opened(folder).tensor("head"))


def header(entries: dict[str, object], data: bytes = b"") -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(start: int, end: int, *shape: int) -> dict[str, object]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"\xff" * 8, "impossibly long"),
        (b"\x40" + b"\0" * 7 + b"{", "cannot be read"),
        (header({"a": 1}), "cannot be read"),
        (header({"a": entry(0, 8, 2)}, b"1234"), "cut short: the tensor a ends at byte 8 of 4"),
        (header({"a": entry(4, 0, 1)}, b"1234"), "ends before it begins"),
        (header({"a": entry(-4, 0, 1)}, b"1234"), "ends before it begins"),
        (header({"a": entry(0, 4, 2)}, b"1234"), "does not fill its bytes"),
        (header({"a": entry(0, 4, -1)}, b"1234"), "impossible shape"),
        (header({"a": entry(0, 8, 2), "b": entry(4, 8, 1)}, b"12345678"), "a and b overlap"),
    ],
)
def test_a_broken_file_is_refused(
    folder: Path, tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    (tmp_path / "model.safetensors").write_bytes(content)

    with pytest.raises(SetupError, match=message):
        opened(tmp_path)


@pytest.mark.parametrize("name", ["../x.safetensors", "/etc/x.safetensors", "x.bin", "3"])
def test_an_index_cannot_lead_out_of_its_folder(folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    index = {"weight_map": {UP: name}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))

    with pytest.raises(SetupError, match="which is none of it"):
        opened(tmp_path)


def test_a_folder_without_weights_says_so(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())

    with pytest.raises(SetupError, match=r"holds neither model\.safetensors nor"):
        opened(tmp_path)


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q5_1", "Q8_0", "BF16", "F16", "F32"])
def test_every_type_is_read_as_the_gguf_package_does(tmp_path: Path, kind: str) -> None:
    quantised = gguf.GGMLQuantizationType[kind]
    rows = np.random.default_rng(0).standard_normal((3001, 64)).astype(np.float32)
    data = gguf.quants.quantize(rows, quantised)
    writer = gguf.GGUFWriter(tmp_path / "model.gguf", "llama")
    writer.add_tensor("x", data, raw_dtype=quantised)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    tensors = GgufTensors(tmp_path / "model.gguf")
    order = np.arange(3001)[::-1]

    expected = gguf.quants.dequantize(data, quantised)
    np.testing.assert_array_equal(tensors.read("x"), expected)
    np.testing.assert_array_equal(tensors.read("x", order), expected[::-1])


def test_the_real_model_is_read() -> None:
    tensors = GgufTensors(smollm2_path())
    weights = GgufWeights(tensors)
    about = weights.architecture

    assert (about.family, about.num_layers, about.is_tied) == ("llama", 30, True)
    assert (about.query_size, about.kv_size, about.head_dim) == (576, 192, 64)
    key = weights.tensor("layers.7.k")
    np.testing.assert_array_equal(permuted(key, 3), tensors.read("blk.7.attn_k.weight"))
    up = weights.tensor("layers.7.up")
    np.testing.assert_array_equal(up, tensors.read("blk.7.ffn_up.weight"))


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "qwen3"])
def test_tiny_models_are_read(tmp_path: Path, architecture: str) -> None:
    path = write_tiny_model(tmp_path / "m.gguf", architecture=architecture, kv_heads=2)
    weights = GgufWeights(GgufTensors(path))

    assert weights.is_permuted == (architecture == "llama")
    for name, shape in weights.architecture.tensor_shapes().items():
        assert weights.tensor(name).shape == shape


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_gguf_file_cut_short_is_refused(tiny_model: Path, tmp_path: Path, share: float) -> None:
    content = tiny_model.read_bytes()
    path = tmp_path / "cut.gguf"
    path.write_bytes(content[: int(len(content) * share)])

    with pytest.raises(SetupError, match=r"cut\.gguf"):
        GgufTensors(path)


def test_an_unknown_architecture_is_named(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / "m.gguf")
    path.write_bytes(path.read_bytes().replace(b"llama", b"mamba"))

    with pytest.raises(SetupError, match=r"architecture mamba.*known: llama, qwen2"):
        GgufWeights(GgufTensors(path))


def test_a_gguf_tensor_that_is_missing_is_named(tmp_path: Path) -> None:
    path = write_tiny_model(tmp_path / "m.gguf")
    path.write_bytes(path.read_bytes().replace(b"blk.1.ffn_up", b"blk.1.ffn_xx"))

    with pytest.raises(SetupError, match=r"lacks the tensor blk\.1\.ffn_up\.weight"):
        GgufWeights(GgufTensors(path))
