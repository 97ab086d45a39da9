"""Adapters in GGUF: the pairs of matrices as they are multiplied, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest

from hearth.engines.engine import Failed
from hearth.engines.llm.native.architecture import SITES, Architecture
from hearth.engines.llm.native.weights import open_checkpoint, read_lora
from hearth.engines.llm.native.weights.gguf_file import GgufWeights
from hearth.engines.llm.native.weights.gguf_tensors import GgufTensors
from tests.engines.adapters import Lora, given, merged, random_lora, write_lora
from tests.engines.models import write_tiny_model


@pytest.fixture(params=["llama", "qwen2"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path / "base.gguf", architecture=request.param, kv_heads=2)


def architecture(base: Path) -> Architecture:
    return open_checkpoint(base).architecture


def name(base: Path) -> str:
    return str(GgufTensors(base).metadata["general.architecture"])


def test_an_adapter_changes_the_base_as_merging_does(base: Path, tmp_path: Path) -> None:
    lora = random_lora(base, seed=3)
    path = write_lora(tmp_path / "a.gguf", lora, architecture=name(base))
    whole = GgufWeights(GgufTensors(merged(base, lora, tmp_path / "merged.gguf")))
    checkpoint = open_checkpoint(base)

    pairs = read_lora(
        path, given(path, "a").digest, whole.architecture, is_permuted=checkpoint.is_permuted
    )

    assert pairs.keys() == {(layer, site) for layer in range(2) for site in SITES}
    for (layer, site), pair in pairs.items():
        place = f"layers.{layer}.{site}"
        changed = checkpoint.weights.tensor(place) + pair.b @ pair.a
        np.testing.assert_allclose(changed, whole.tensor(place), rtol=1e-4, atol=1e-5)
        assert {pair.a.dtype.name, pair.b.dtype.name} == {"float32"}


def test_ranks_may_differ_and_the_rest_is_left_alone(tiny_model: Path, tmp_path: Path) -> None:
    lora = random_lora(tiny_model, seed=3)
    a, b = lora["blk.1.ffn_up.weight"]
    path = write_lora(tmp_path / "a.gguf", {"blk.1.ffn_up.weight": (a[:2], b[:, :2])}, alpha=8.0)

    pairs = read_lora(path, given(path, "a").digest, architecture(tiny_model), is_permuted=True)

    assert list(pairs) == [(1, "up")]
    np.testing.assert_allclose(pairs[1, "up"].b, 4 * b[:, :2])


@pytest.mark.parametrize("kind", ["F16", "BF16"])
def test_halves_are_read(tiny_model: Path, tmp_path: Path, kind: str) -> None:
    quantised = gguf.GGMLQuantizationType[kind]
    writer = gguf.GGUFWriter(tmp_path / "a.gguf", "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    for half, shape in (("a", (4, 32)), ("b", (64, 4))):
        data = gguf.quants.quantize(np.full(shape, 0.5, np.float32), quantised)
        writer.add_tensor(f"blk.0.ffn_up.weight.lora_{half}", data, raw_dtype=quantised)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    path = tmp_path / "a.gguf"

    pairs = read_lora(path, given(path, "a").digest, architecture(tiny_model), is_permuted=True)

    assert np.unique(pairs[0, "up"].b).tolist() == [0.5]


def _nan(lora: Lora) -> None:
    lora["blk.0.attn_q.weight"][1][0, 0] = np.nan


def _turn(lora: Lora) -> None:
    a, b = lora["blk.0.ffn_up.weight"]
    lora["blk.0.ffn_up.weight"] = (b.T.copy(), a.T.copy())


def _move(lora: Lora) -> None:
    lora["blk.9.attn_q.weight"] = lora.pop("blk.0.attn_q.weight")


def _embed(lora: Lora) -> None:
    lora["token_embd.weight"] = lora.pop("blk.0.attn_q.weight")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_nan, "not finite"),
        (_turn, "made for another base"),
        (_move, "made for another base"),
        (_embed, "changes token_embd"),
        (dict.clear, "is not a whole GGUF file|holds no LoRA matrix"),
    ],
)
def test_what_does_not_fit_is_refused(
    tiny_model: Path, tmp_path: Path, change: Callable[[Lora], object], message: str
) -> None:
    lora = random_lora(tiny_model, seed=3)
    change(lora)
    path = write_lora(tmp_path / "a.gguf", lora)

    with pytest.raises(Failed, match=message) as caught:
        read_lora(path, given(path, "a").digest, architecture(tiny_model), is_permuted=True)
    assert caught.value.failure.kind == "invalid"


def test_another_digest_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    path = write_lora(tmp_path / "a.gguf", random_lora(tiny_model, seed=3))

    with pytest.raises(Failed, match="has changed: its sha256 is"):
        read_lora(path, "0" * 64, architecture(tiny_model), is_permuted=True)


def test_a_missing_file_is_named(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"gone\.gguf cannot be read: No such file"):
        read_lora(tmp_path / "gone.gguf", "", architecture(tiny_model), is_permuted=True)


def test_an_adapter_of_another_architecture_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    lora = random_lora(tiny_model, seed=3)
    path = write_lora(tmp_path / "a.gguf", lora, architecture="qwen2")

    with pytest.raises(Failed, match="an adapter for qwen2; its base is llama"):
        read_lora(path, given(path, "a").digest, architecture(tiny_model), is_permuted=True)


def test_a_model_is_no_adapter(tiny_model: Path) -> None:
    digest = given(tiny_model, "a").digest

    with pytest.raises(Failed, match="no LoRA adapter"):
        read_lora(tiny_model, digest, architecture(tiny_model), is_permuted=True)
