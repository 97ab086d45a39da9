"""Encoders of tiny folders against the formulas of the paper, a token at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hearth.engines.embedding.encoder import Encoder
from hearth.errors import SetupError
from tests.engines.embedding.folders import HEADS, LAYERS, WIDTH, Tensors, write_encoder

MEAN = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
PLAIN = ["Transformer", "Pooling"]
IDS = [[2, 4, 5, 3], [2, 3], [2, 8, 5, 6, 7, 3], [2, 4, 9, 3]]

Doubles = NDArray[np.float64]


def hidden_states(tensors: Tensors, ids: list[int], *, first_position: int = 0) -> Doubles:
    """BERT in float64, as the paper has it."""

    def linear(x: Doubles, name: str) -> Doubles:
        y: Doubles = x @ tensors[f"{name}.weight"].T.astype(np.float64) + tensors[f"{name}.bias"]
        return y

    def norm(x: Doubles, name: str) -> Doubles:
        z = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        y: Doubles = z * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]
        return y

    embeddings = [tensors[f"embeddings.{n}_embeddings.weight"].astype(np.float64)
                  for n in ("word", "position", "token_type")]  # fmt: skip
    words, positions, segments = embeddings
    x = words[ids] + positions[first_position : first_position + len(ids)] + segments[0]
    x = norm(x, "embeddings.LayerNorm")
    for i in range(LAYERS):
        layer = f"encoder.layer.{i}"
        parts = [
            linear(x, f"{layer}.attention.self.{n}").reshape(len(ids), HEADS, -1)
            for n in ("query", "key", "value")
        ]
        scores = np.exp(np.einsum("qhd,khd->hqk", parts[0], parts[1]) / (WIDTH / HEADS) ** 0.5)
        weights = scores / scores.sum(-1, keepdims=True)
        mixed = np.einsum("hqk,khd->qhd", weights, parts[2]).reshape(len(ids), WIDTH)
        x = norm(x + linear(mixed, f"{layer}.attention.output.dense"),
                 f"{layer}.attention.output.LayerNorm")  # fmt: skip
        inner = np.maximum(linear(x, f"{layer}.intermediate.dense"), 0)
        x = norm(x + linear(inner, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    return x


POOLINGS = {
    "pooling_mode_cls_token": lambda h: h[0],
    "pooling_mode_mean_tokens": lambda h: h.mean(0),
    "pooling_mode_max_tokens": lambda h: h.max(0),
    "pooling_mode_mean_sqrt_len_tokens": lambda h: h.sum(0) / len(h) ** 0.5,
    "pooling_mode_lasttoken": lambda h: h[-1],
}


@pytest.mark.parametrize("flag", POOLINGS)
def test_every_pooling_is_its_formula(tmp_path: Path, flag: str) -> None:
    tensors = write_encoder(tmp_path / "m", modules=PLAIN, pooling={flag: True})

    made = Encoder(tmp_path / "m").encode(IDS)

    for ids, vector in zip(IDS, made, strict=True):
        assert np.abs(vector - POOLINGS[flag](hidden_states(tensors, ids))).max() < 1e-5


def test_a_folder_that_normalises_has_vectors_of_length_1(tmp_path: Path) -> None:
    write_encoder(tmp_path / "m", modules=[*PLAIN, "Normalize"], pooling=MEAN)
    encoder = Encoder(tmp_path / "m")

    assert encoder.normalizes
    assert np.linalg.norm(encoder.encode(IDS)[0]) == pytest.approx(1)


def test_a_plain_encoders_folder_is_pooled_by_the_mean(tmp_path: Path) -> None:
    tensors = write_encoder(tmp_path / "m")

    (vector,) = Encoder(tmp_path / "m").encode(IDS[:1])

    assert np.abs(vector - hidden_states(tensors, IDS[0]).mean(0)).max() < 1e-5


def test_positions_of_roberta_begin_after_the_padding_token(tmp_path: Path) -> None:
    tensors = write_encoder(tmp_path / "m", config={"model_type": "roberta", "pad_token_id": 1})
    encoder = Encoder(tmp_path / "m")

    (vector,) = encoder.encode(IDS[:1])

    expected = hidden_states(tensors, IDS[0], first_position=2).mean(0)
    assert np.abs(vector - expected).max() < 1e-5
    assert encoder.max_tokens == 10


def test_a_text_is_cut_to_the_positions_there_are(tmp_path: Path) -> None:
    write_encoder(tmp_path / "m")

    long, short = Encoder(tmp_path / "m").tokenizer.of_texts(["cat " * 50, "a cat"])

    assert (len(long.ids), long.ids[-1], long.is_truncated) == (12, 3, True)
    assert (short.ids, short.is_truncated) == ([2, 4, 5, 3], False)


UNUSABLE: list[tuple[dict[str, Any], str]] = [
    ({"config": {"hidden_act": "swish"}}, "swish"),
    ({"config": {"position_embedding_type": "relative_key"}}, "relative_key"),
    ({"config": {"num_hidden_layers": 3}}, "encoder.layer.2"),
    ({"modules": ["Transformer", "Pooling", "Dense"], "pooling": MEAN}, "Dense"),
    ({"modules": PLAIN, "pooling": {"pooling_mode_weightedmean_tokens": True}}, "pooling"),
    ({"modules": PLAIN}, "pooling"),
]


@pytest.mark.parametrize(("options", "word"), UNUSABLE, ids=[word for _, word in UNUSABLE])
def test_what_is_not_supported_stops_the_start_and_is_named(
    tmp_path: Path, options: dict[str, Any], word: str
) -> None:
    write_encoder(tmp_path / "m", **options)

    with pytest.raises(SetupError, match=word):
        Encoder(tmp_path / "m")


def test_a_damaged_file_stops_the_start(tmp_path: Path) -> None:
    write_encoder(tmp_path / "m")
    path = tmp_path / "m" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:500])

    with pytest.raises(SetupError, match=r"model\.safetensors"):
        Encoder(tmp_path / "m")
