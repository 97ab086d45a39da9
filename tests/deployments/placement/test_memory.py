"""Estimates of memory, against published figures and sums done by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hearth.deployments.placement import (
    Load,
    Precision,
    attention_of,
    estimate,
    memory_bytes,
    model_size,
    parse_accelerator,
)
from hearth.deployments.placement.memory import (
    RESERVE_BYTES,
    guessed_cache_bytes_per_token,
)
from hearth.deployments.placement.precisions import BITS

GOLDEN = json.loads((Path(__file__).parent / "golden_memory.json").read_text())


def golden_id(case: dict[str, Any]) -> str:
    """What a case is about."""
    return f"{case['model']}-{case['precision']}-{case['count']}x{case['accelerator']}"


def cache_per_token(name: str) -> float:
    """What an estimate for one accelerator counts, in BF16."""
    tokens = 1024
    load = Load(
        model=model_size(name, 10**9, tokens),
        precision=Precision.BF16,
        context_tokens=tokens,
        full_contexts=1,
    )
    kind = parse_accelerator("h100")
    return estimate(load, 1, kind, memory_bytes(kind)).cache_bytes / tokens


@pytest.mark.parametrize("case", GOLDEN, ids=golden_id)
def test_an_estimate_is_the_sum_done_by_hand(case: dict[str, Any]) -> None:
    kind = parse_accelerator(case["accelerator"])
    model = model_size(case["model"], case["parameters"], case["context_tokens"])
    load = Load(
        model=model,
        precision=Precision(case["precision"]),
        context_tokens=case["context_tokens"],
    )

    need = estimate(load, case["count"], kind, memory_bytes(kind))

    assert need.weights_bytes == case["weights_bytes"]
    assert need.cache_bytes == case["cache_bytes"]
    assert need.total_bytes == need.weights_bytes + need.cache_bytes + RESERVE_BYTES
    assert (need.missing_bytes == 0) == case["fits"]


def test_the_golden_sums_cover_many_models_and_precisions() -> None:
    assert len({case["model"] for case in GOLDEN}) >= 12
    assert len({case["precision"] for case in GOLDEN}) >= 8


@pytest.mark.parametrize(
    ("model", "kilobytes"), [("deepseek-v3", 70.272), ("llama-v3p1-405b-instruct", 516.096)]
)
def test_the_cache_per_token_is_the_published_one(model: str, kilobytes: float) -> None:
    """Insights into DeepSeek-V3, arXiv 2505.09343, table 1; in BF16."""
    assert cache_per_token(model) == kilobytes * 1000


def test_where_layers_are_unknown_the_guess_is_above_every_known_model() -> None:
    known = {case["model"]: case["parameters"] for case in GOLDEN}
    checked = 0
    for name, parameters in known.items():
        attention = attention_of(name)
        assert attention is not None
        if not attention.window_layers:
            real = cache_per_token(name)
            assert real <= guessed_cache_bytes_per_token(parameters, 16) <= 20 * real
            checked += 1

    assert checked >= 10


def test_a_distilled_model_has_not_the_layers_of_its_teacher() -> None:
    assert attention_of("deepseek-r1-distill-llama-8b") is None
    assert attention_of("accounts/me/models/deepseek-r1-0528") == attention_of("deepseek-r1")


def test_two_contexts_take_twice_the_cache() -> None:
    kind = parse_accelerator("h100")
    model = model_size("qwen3-30b-a3b", 30_532_122_624, 131_072)

    def cache(full_contexts: int) -> int:
        load = Load(
            model=model,
            precision=Precision.FP8,
            context_tokens=8192,
            full_contexts=full_contexts,
        )
        return estimate(load, 1, kind, memory_bytes(kind)).cache_bytes

    assert cache(2) == 2 * cache(1)


def test_every_precision_says_how_large_a_parameter_is() -> None:
    assert set(BITS) == set(Precision)
    assert all(4 < bits.weight <= 16 for bits in BITS.values())
