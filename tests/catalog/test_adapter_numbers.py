"""A converted adapter answers as its base with the adapter merged by transformers' rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hearth.catalog import adapter_for
from hearth.catalog.adapted_models import adapted_model
from hearth.engines.protocol import Adapter, Sampling
from tests.catalog.peft_folders import Matrices, Puller, random_matrices, write_peft
from tests.engines.adapters import MODULES, Lora, merged
from tests.engines.llm.llamacpp.sequences import ids_in, logprobs_of, run, running
from tests.engines.models import write_tiny_model

EXACT = {"kv_type": "f32", "flash_attention": "off"}
ASCII = Sampling(temperature=0.0, logit_bias=dict.fromkeys(range(128 + 3, 268), -10000000000.0))
TOLERANCE = 2e-3  # 32 bits in another order
HEADS, KV_HEADS = 4, 2
TENSORS = {module: tensor for tensor, module in MODULES.items()}


def permuted(weights: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """`LlamaModel.permute` of llama.cpp's convert_hf_to_gguf.py."""
    halves = weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:])
    return halves.swapaxes(1, 2).reshape(weights.shape)


def as_gguf(matrices: Matrices, *, rotates: bool) -> Lora:
    """The adapter whose product is that of transformers' matrices, converted as a model is."""
    heads = {"attn_q": HEADS, "attn_k": KV_HEADS} if rotates else {}
    lora: Lora = {}
    for module, (a, b) in matrices.items():
        _, layer, part = module.split(".", 2)
        name = TENSORS[part]
        rows = permuted(b, heads[name]) if name in heads else b
        lora[f"blk.{layer}.{name}.weight"] = (a, rows)
    return lora


CASES: list[tuple[str, dict[str, Any], dict[str, float]]] = [
    ("llama", {}, {}),
    ("qwen2", {}, {}),
    ("qwen3", {}, {}),
    ("llama", {"use_rslora": True, "lora_alpha": 3}, {}),
    (
        "llama",
        {"rank_pattern": {"k_proj": 2}, "alpha_pattern": {"^model.layers.0.mlp.up_proj": 20}},
        {"layers.0.mlp.up_proj": 20.0},
    ),
]


@pytest.mark.parametrize(("architecture", "config", "alphas"), CASES)
async def test_its_numbers_are_those_of_the_merged_model(
    pull: Puller,
    tmp_path: Path,
    architecture: str,
    config: dict[str, Any],
    alphas: dict[str, float],
) -> None:
    source = write_tiny_model(tmp_path / "b.gguf", architecture=architecture, kv_heads=KV_HEADS)
    matrices = random_matrices(source, ranks=config.get("rank_pattern"))
    folder = write_peft(tmp_path / "peft", matrices, **config)
    base = pull(source, "base")
    truth = _merged(source, matrices, config, alphas, rotates=architecture == "llama")

    given = adapter_for(pull(folder, "mine"), base)

    adapted = await _said(base.path, [given])
    expected = await _said(truth, [])
    plain = await _said(base.path, [])
    assert adapted[0] == expected[0] != plain[0]
    assert adapted[1] == pytest.approx(expected[1], abs=TOLERANCE)


def _merged(
    source: Path,
    matrices: Matrices,
    config: dict[str, Any],
    alphas: dict[str, float],
    *,
    rotates: bool,
) -> Path:
    """`W + scaling * B @ A`, the scaling folded into B."""
    scaled: Matrices = {}
    for module, (a, b) in matrices.items():
        alpha = alphas.get(module, config.get("lora_alpha", 8))
        divisor = len(a) ** 0.5 if config.get("use_rslora") else len(a)
        scaled[module] = a, (b * alpha / divisor * len(a)).astype(np.float32)
    lora = as_gguf(scaled, rotates=rotates)
    return merged(source, lora, source.with_name("merged.gguf"), alpha=1.0)


async def _said(model: Path, adapters: list[Adapter]) -> tuple[list[int], list[float]]:
    """Ids and log-probabilities of a greedy answer."""
    async with running(model, adapters=adapters, options=EXACT) as runner:
        events = await run(
            runner, [1, 50, 60, 70], sampling=ASCII, max_tokens=20, logprobs=1, token_ids=True,
            adapter=adapters[0].name if adapters else "", ignore_eos=True,
        )  # fmt: skip
    return ids_in(events), [each.logprob or 0.0 for each in logprobs_of(events)]


def test_rows_of_llama_keep_the_scores_of_attention(pull: Puller, tmp_path: Path) -> None:
    """Rotating halves (transformers) of the rows and neighbours (GGUF) of the reordered rows."""
    source = write_tiny_model(tmp_path / "b.gguf", kv_heads=KV_HEADS)
    base = adapted_model(pull(source, "base"))
    random = np.random.default_rng(3)
    rows, x = random.standard_normal((32, 32)).astype(np.float32), random.standard_normal(32)

    theirs = (rows @ x).reshape(HEADS, 2, -1)
    ours = (base.ordered("attn_q", rows) @ x).reshape(HEADS, -1, 2)

    assert np.allclose(theirs.transpose(0, 2, 1), ours)
    assert (base.ordered("attn_v", rows) == rows).all()
