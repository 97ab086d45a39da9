"""Names of accelerators and precisions, as people spell them."""

from __future__ import annotations

import pytest

from hearth.deployments.placement import (
    AcceleratorType,
    Precision,
    memory_bytes,
    parse_accelerator,
    parse_precision,
    short_name,
)
from hearth.errors import InvalidRequest


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("h100", "NVIDIA_H100_80GB"),
        ("H100", "NVIDIA_H100_80GB"),
        ("NVIDIA_H100_80GB", "NVIDIA_H100_80GB"),
        ("nvidia-h100-80gb", "NVIDIA_H100_80GB"),
        ("NVIDIA H100 80GB", "NVIDIA_H100_80GB"),
        ("a100", "NVIDIA_A100_80GB"),
        ("a100-40gb", "NVIDIA_A100_40GB"),
        ("b200", "NVIDIA_B200_180GB"),
        ("mi300x", "AMD_MI300X_192GB"),
        ("AMD_MI325X_256GB", "AMD_MI325X_256GB"),
        ("cpu", "CPU"),
    ],
)
def test_an_accelerator_is_known_by_any_of_its_names(text: str, kind: str) -> None:
    assert parse_accelerator(text) is AcceleratorType(kind)


@pytest.mark.parametrize("kind", AcceleratorType)
def test_the_short_name_of_every_accelerator_leads_back(kind: AcceleratorType) -> None:
    assert parse_accelerator(short_name(kind)) is kind
    assert parse_accelerator(kind) is kind


def test_memory_is_what_the_name_says() -> None:
    assert memory_bytes(AcceleratorType.NVIDIA_H200_141GB) == 141 * 10**9
    assert memory_bytes(AcceleratorType.CPU) == 0


@pytest.mark.parametrize(
    ("text", "meant"), [("h10", "h100"), ("NVIDIA_H100_90GB", "h100"), ("mi300", "mi300x")]
)
def test_an_unknown_accelerator_gets_a_suggestion(text: str, meant: str) -> None:
    with pytest.raises(InvalidRequest, match=f"Did you mean `{meant}`") as refused:
        parse_accelerator(text)

    assert refused.value.param == "acceleratorType"


@pytest.mark.parametrize(
    ("text", "precision"),
    [
        ("fp8", "FP8"),
        ("FP8_MM", "FP8_MM"),
        ("fp8-mm-kv-attn", "FP8_MM_KV_ATTN"),
        ("nf4", "NF4"),
        ("bfloat16", "BF16"),
        ("float16", "FP16"),
        ("int8", "INT8"),
        ("q4_0", "INT4"),
    ],
)
def test_a_precision_is_known_by_any_of_its_names(text: str, precision: str) -> None:
    assert parse_precision(text) is Precision(precision)


def test_an_unknown_precision_gets_a_suggestion() -> None:
    with pytest.raises(InvalidRequest, match="Did you mean `fp8`") as refused:
        parse_precision("fp9")

    assert refused.value.param == "precision"
