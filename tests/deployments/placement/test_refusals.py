"""What is said when there is no place, and what became of every place."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from hearth.deployments.placement import (
    Ask,
    Inventory,
    Precision,
    Refusal,
    RefusalKind,
    Verdict,
    plan,
)
from tests.deployments.placement.worlds import DEEPSEEK, H100, HERE, PRICES, SMALL, THREE, ask


def refuse(asked: Ask, inventory: Inventory = THREE) -> Refusal:
    refusal = plan(inventory, inventory.capacity(), asked, PRICES).refusal
    assert refusal is not None
    return refusal


CASES: list[tuple[dict[str, Any], str, str, str]] = [
    ({"accelerator": "h10"}, "unknown_accelerator", "acceleratorType", "Did you mean `h100`"),
    ({"precision": "fp9"}, "unknown_precision", "precision", "Did you mean `fp8`"),
    ({"regions": ("weest",)}, "unknown_region", "placement.region", "Did you mean `west`"),
    ({"multi_region": "MARS"}, "unknown_multi_region", "placement.multiRegion", "US, EUROPE"),
    ({"count": 3}, "bad_count", "acceleratorCount", "one of 1, 2, 4, 8, 16"),
    ({"count": 0}, "bad_count", "acceleratorCount", "0 accelerators"),
    ({"count": 17, "is_count_least": True}, "bad_count", "acceleratorCount", "17 accelerators"),
    (
        {"cloud": "gcp", "certifications": frozenset({"hipaa"})},
        "not_allowed",
        "placement",
        "is of gcp and is certified for hipaa.*certified are west",
    ),
    ({"regions": ("east",), "multi_region": "EUROPE"}, "not_allowed", "placement", "is east"),
    (
        {"accelerator": "b200", "regions": ("west",)},
        "no_accelerator",
        "acceleratorType",
        "have no b200, only a100, h100; it is in east",
    ),
    ({"accelerator": "l4"}, "no_accelerator", "acceleratorType", "no region has it"),
    (
        {"accelerator": "h100", "count": 8, "regions": ("europe",)},
        "too_small",
        "acceleratorCount",
        "4 there in all, 8 needed",
    ),
]


@pytest.mark.parametrize(("changes", "kind", "param", "told"), CASES)
def test_a_refusal_names_the_fault_the_field_and_the_remedy(
    changes: dict[str, Any], kind: str, param: str, told: str
) -> None:
    refusal = refuse(ask(**changes))

    assert (refusal.kind, refusal.param) == (RefusalKind(kind), param)
    assert re.search(told, refusal.message)
    assert not refusal.waits


def test_what_does_not_fit_says_how_much_is_missing_and_how_many_hold_it() -> None:
    refusal = refuse(ask(DEEPSEEK, accelerator="b200", count=1, precision="fp4"))

    assert refusal.kind is RefusalKind.DOES_NOT_FIT
    # 671,026,419,200 x 9/16 weights + 9,210,691,584 cache + 2 GB, of 90 % of 180 GB
    assert refusal.missing_bytes == 377_452_360_800 + 9_210_691_584 + 2 * 10**9 - 162 * 10**9
    assert refusal.smallest_count == 4
    assert "226.7 GB are missing. Use 4 of them." in refusal.message


def test_what_no_count_holds_says_what_else_helps() -> None:
    refusal = refuse(ask(DEEPSEEK, accelerator="h100", precision="bf16"))

    assert refusal.kind is RefusalKind.DOES_NOT_FIT
    assert refusal.smallest_count is None
    assert "lower precision" in refusal.message


def test_a_stand_in_without_emulated_places_is_refused_with_the_remedy() -> None:
    production = Inventory(regions=HERE.regions[:1])

    refusal = refuse(ask(SMALL), production)

    assert (refusal.kind, refusal.param) == (RefusalKind.NO_WEIGHTS, "baseModel")
    assert "hearth pull smollm2-135m-instruct" in refusal.message


def test_a_precision_the_engine_cannot_do_is_refused_on_real_places() -> None:
    asked = ask(
        SMALL,
        has_own_weights=True,
        engine_precisions=(Precision.INT4, Precision.INT8),
        regions=("local",),
        precision="fp8",
    )

    refusal = refuse(asked, HERE)

    assert (refusal.kind, refusal.param) == (RefusalKind.PRECISION, "precision")
    assert "Use one of int4, int8" in refusal.message


def test_an_empty_inventory_says_so() -> None:
    assert "no accelerators" in refuse(ask(), Inventory(regions=())).message


def test_what_is_all_taken_waits_and_says_where_most_is_free() -> None:
    free = {("east", H100): 1, ("europe", H100): 0}

    decision = plan(THREE, free, ask(accelerator="h100", count=2), PRICES)

    assert decision.refusal is not None
    assert decision.refusal.waits
    assert "east has most free, 1" in decision.refusal.message
    verdicts = Counter(finding.verdict for finding in decision.explanation)
    assert verdicts == {Verdict.FULL: 3, Verdict.OTHER_ACCELERATOR: 2}


def test_an_explanation_says_what_became_of_every_place() -> None:
    free = THREE.capacity() | {("east", H100): 0}

    decision = plan(THREE, free, ask(accelerator="h100", multi_region="US"), PRICES)

    assert [(f.region, f.accelerator[:11], f.verdict, f.why) for f in decision.explanation] == [
        ("east", "NVIDIA_H100", Verdict.FULL, "0 free, 2 needed."),
        (
            "west",
            "NVIDIA_H100",
            Verdict.CHOSEN,
            "The best of those that would do: 2 x NVIDIA_H100_80GB, $11.60 per hour.",
        ),
        ("east", "NVIDIA_B200", Verdict.OTHER_ACCELERATOR, "Not NVIDIA_H100_80GB."),
        ("west", "NVIDIA_A100", Verdict.OTHER_ACCELERATOR, "Not NVIDIA_H100_80GB."),
        ("europe", "NVIDIA_H100", Verdict.OTHER_REGION, "Not in US."),
    ]
