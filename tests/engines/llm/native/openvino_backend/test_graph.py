"""The graph against transformers, and what OpenVINO makes of it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from hearth.engines.llm.native.backend import Floats
from hearth.engines.llm.native.openvino_backend import build_openvino_backend
from hearth.engines.llm.native.openvino_backend.backend import OpenVinoBackend
from hearth.engines.llm.native_options import NativeOptions
from hearth.errors import SetupError
from tests.engines.llm.native.stepping import Text, step_of
from tests.engines.llm.native.tiny import FAMILIES, Tiny, tiny

CAPPED = "gemma2"  # whose attention scores OpenVINO cannot cap
TOLERANCE = 1e-4  # of logits around 7, float32 in another order


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def backend_of(model: Tiny) -> OpenVinoBackend:
    return OpenVinoBackend(model.weights, "f32", num_blocks=16, threads=1)


def expected(model: Tiny, ids: list[int]) -> Floats:
    logits: Floats = model.model(torch.tensor([ids])).logits[0].numpy()
    return logits


def random_ids(count: int, seed: int) -> list[int]:
    ids: list[int] = np.random.default_rng(seed).integers(0, 259, count).tolist()
    return ids


@pytest.mark.parametrize("family", [each for each in FAMILIES if each != CAPPED])
def test_logits_are_those_of_transformers_however_a_text_is_cut(family: str) -> None:
    model = tiny(family)
    first, second = random_ids(70, 1), random_ids(40, 2)
    backend = backend_of(model)

    told = [
        backend.forward(step_of([Text(first[:50], [5, 9, 2]), Text(second[:30], [7, 3])])).copy(),
        backend.forward(
            step_of([Text(second[30:], [7, 3], 30), Text(first[50:51], [5, 9, 2], 50)])
        ).copy(),
        backend.forward(step_of([Text(first[51:], [5, 9, 2], 51)])).copy(),
    ]

    alone = expected(model, first), expected(model, second)
    np.testing.assert_allclose(told[0], [*alone[0][:50], *alone[1][:30]], atol=TOLERANCE)
    np.testing.assert_allclose(told[1], [*alone[1][30:], alone[0][50]], atol=TOLERANCE)
    np.testing.assert_allclose(told[2], alone[0][51:], atol=TOLERANCE)


@pytest.mark.parametrize(
    ("precision", "cache", "error"),
    [("bf16", "bf16", 0.5), ("bf16", "auto", 0.8), ("u8", "bf16", 0.8), ("u8", "auto", 0.8)],
)
def test_lower_precisions_stay_near(precision: str, cache: str, error: float) -> None:
    model = tiny("llama")
    ids = random_ids(80, 3)
    options = NativeOptions(precision=precision, cache_precision=cache)  # type: ignore[arg-type]
    backend = build_openvino_backend(model.weights, options, num_blocks=16, threads=1)

    first = backend.forward(step_of([Text(ids[:70], [4, 1, 0])])).copy()
    told = [*first, *backend.forward(step_of([Text(ids[70:], [4, 1, 0], 70)]))]

    assert 0 < np.abs(told - expected(model, ids)).max() < error


def test_the_exact_setting_keeps_exact_keys_and_values() -> None:
    options = NativeOptions(precision="f32", cache_precision="bf16")

    with pytest.raises(SetupError, match="leave `cache_precision` out"):
        build_openvino_backend(tiny("llama").weights, options, num_blocks=16, threads=1)


def test_norms_and_rotations_are_fused() -> None:
    model = tiny("qwen3")

    request = backend_of(model)._plain
    kinds = Counter(
        node.get_rt_info()["layerType"].astype(str)
        for node in request.get_compiled_model().get_runtime_model().get_ops()
    )

    layers = model.architecture.num_layers
    assert kinds["RoPE"] == 2 * layers
    assert kinds["RMS"] == 4 * layers + 1
    assert kinds["PagedAttention"] == layers
    assert kinds["FullyConnected"] == 4 * layers + 1


def test_logits_are_capped() -> None:
    model = tiny(CAPPED, attn_logit_softcapping=None)
    ids = random_ids(40, 4)

    told = backend_of(model).forward(step_of([Text(ids, [0, 1])]))

    np.testing.assert_allclose(told, expected(model, ids), atol=TOLERANCE)


def test_capped_attention_is_refused_with_the_remedy() -> None:
    with pytest.raises(SetupError, match=r"cap attention scores, which gemma2 needs.*GPU"):
        backend_of(tiny(CAPPED))
