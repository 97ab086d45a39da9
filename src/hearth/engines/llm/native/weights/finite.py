"""Refuses weights that would turn every text into noise."""

from __future__ import annotations

import math

import numpy as np

from hearth.engines.llm.native.backend import Floats


def is_finite(array: Floats) -> bool:
    """Whether all numbers are finite; two passes and no copy."""
    with np.errstate(invalid="ignore"):
        return not array.size or (math.isfinite(array.min()) and math.isfinite(array.max()))
