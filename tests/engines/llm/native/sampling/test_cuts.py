"""Cuts leave the tokens that a full sort in float64 leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hearth.engines.llm.native.sampling.choosing import largest
from hearth.engines.llm.native.sampling.cuts import cuts_of
from hearth.engines.protocol import Sampling
from tests.engines.llm.native.sampling.drawing import cut, random_logits


@pytest.mark.parametrize("size", [10, 1000, 1025, 20_000])
@pytest.mark.parametrize("scale", [0.5, 3.0, 9.0])
@pytest.mark.parametrize(
    "cuts",
    [
        {"top_k": 7},
        {"top_k": 600},
        {"top_p": 0.9},
        {"top_p": 0.99},
        {"min_p": 0.05},
        {"typical_p": 0.2},
        {"typical_p": 0.95},
        {"top_k": 500, "typical_p": 0.8, "top_p": 0.8, "min_p": 0.01},
    ],
    ids=str,
)
def test_the_same_tokens_are_left(size: int, scale: float, cuts: dict[str, Any]) -> None:
    logits = random_logits(size, scale=scale, seed=size)
    made = cuts_of(Sampling(**cuts))
    assert made is not None

    left = made.remaining(logits - logits.max())

    expected = np.flatnonzero(cut(logits, **cuts))
    # Float32 may put a token at the very border on the other side of it.
    assert len(np.setxor1d(left, expected)) <= 1
    assert (np.diff(left) > 0).all()


def test_nothing_to_cut_is_no_cut() -> None:
    assert cuts_of(Sampling(top_k=0, top_p=1.0, min_p=0.0, typical_p=1.0)) is None
    assert cuts_of(Sampling()) is None


@pytest.mark.parametrize("cuts", [{"top_k": 3}, {"top_p": 0.2501}, {"typical_p": 0.2501}], ids=str)
@pytest.mark.parametrize("size", [10, 5000])
def test_of_equal_tokens_the_lower_ids_are_left(cuts: dict[str, Any], size: int) -> None:
    made = cuts_of(Sampling(**cuts))
    assert made is not None

    left = made.remaining(np.zeros(size, np.float32))

    assert left.tolist() == list(range(3 if size == 10 or "top_k" in cuts else 1251))


def test_the_largest_are_as_a_full_sort_has_them() -> None:
    values = np.round(random_logits(10_007), 1)  # with many ties
    values[5000:] = -np.inf

    for count in (1, 5, 300, 4999, 9000, 20_000):
        found = largest(values, count)

        expected = np.argsort(-values, kind="stable")[: min(count, 5000)]
        assert found.tolist() == expected.tolist()
