"""Weights rounded to eight bits, row by row."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hearth.engines.llm.native.openvino_backend.linear import quantised

ZERO_POINT, LEVELS = 128, 127
weights = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=2, max_dims=2, max_side=9),
    elements=st.floats(-1000, 1000, width=32),
)


@given(weights)
def test_each_number_is_half_a_level_off_at_most(weight: np.ndarray) -> None:
    levels, scales = quantised(weight)

    back = (levels.astype(np.float32) - ZERO_POINT) * scales.astype(np.float32)
    peaks = np.abs(weight).max(1, keepdims=True)
    level = np.maximum(peaks / LEVELS, 2.0**-14)  # of rows too small for float16's scale, that
    assert (np.abs(back - weight) <= 0.52 * level + 1e-6).all()


def test_rows_are_rounded_alike_however_many_there_are() -> None:
    weight = np.random.default_rng(0).standard_normal((700, 576)).astype(np.float32)

    levels, scales = quantised(weight)

    for row in (0, 113, 114, 699):
        alone, its_scale = quantised(weight[row : row + 1])
        assert (levels[row] == alone[0]).all()
        assert scales[row] == its_scale[0]
