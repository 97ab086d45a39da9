"""Tiny encoders with random weights, in folders as sentence-transformers writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from tests.catalog.weights import write_safetensors

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "cat", "sat", "on", "the", "mat"]
WIDTH, HEADS, HIDDEN, LAYERS, POSITIONS = 8, 2, 16, 2, 12

Tensors = dict[str, NDArray[np.float32]]


def write_encoder(
    folder: Path,
    *,
    config: dict[str, Any] | None = None,
    pooling: dict[str, Any] | None = None,
    modules: list[str] | None = None,
) -> Tensors:
    """Write one; without `modules` it is a plain encoder's folder. Returns its tensors."""
    folder.mkdir(parents=True)
    base = {
        "model_type": "bert", "architectures": ["BertModel"], "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS, "max_position_embeddings": POSITIONS, "hidden_act": "relu",
    }  # fmt: skip
    _write(folder / "config.json", base | (config or {}))
    if modules is not None:
        listed = [
            {"type": f"sentence_transformers.models.{name}", "path": "" if i == 0 else f"{i}_x"}
            for i, name in enumerate(modules)
        ]
        _write(folder / "modules.json", listed)
    if pooling is not None:
        (folder / "1_x").mkdir()
        _write(folder / "1_x" / "config.json", pooling)
    _tokenizer().save(str(folder / "tokenizer.json"))
    tensors = _tensors(np.random.default_rng(3))
    write_safetensors(folder / "model.safetensors", tensors)
    return tensors


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content))


def _tokenizer() -> Tokenizer:
    vocabulary = {word: i for i, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def _tensors(draw: np.random.Generator) -> Tensors:
    shapes = {
        "embeddings.word_embeddings.weight": (len(WORDS), WIDTH),
        "embeddings.position_embeddings.weight": (POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
    } | _linear_shapes()
    tensors = {name: draw.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    norms = ["embeddings.LayerNorm"]
    for i in range(LAYERS):
        norms += [f"encoder.layer.{i}.{part}.LayerNorm" for part in ("attention.output", "output")]
    for name in norms:
        for part in ("weight", "bias"):
            tensors[f"{name}.{part}"] = draw.normal(size=WIDTH).astype(np.float32)
    return tensors


def _linear_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for i in range(LAYERS):
        layer = f"encoder.layer.{i}."
        sizes = {f"attention.self.{name}": (WIDTH, WIDTH) for name in ("query", "key", "value")}
        sizes |= {"attention.output.dense": (WIDTH, WIDTH)}
        sizes |= {"intermediate.dense": (HIDDEN, WIDTH), "output.dense": (WIDTH, HIDDEN)}
        for name, size in sizes.items():
            shapes[f"{layer}{name}.weight"] = size
            shapes[f"{layer}{name}.bias"] = size[:1]
    return shapes
