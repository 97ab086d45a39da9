"""Log-probabilities as the model gives them: before bias, penalties, constraints, temperature."""

from __future__ import annotations

import math

import numpy as np
from msgspec import Struct

from hearth.engines.llm.native.backend import Floats
from hearth.engines.llm.native.sampling.choosing import largest


class Scores(Struct, frozen=True):
    """How likely a token was, and what was likeliest in its place."""

    logprob: float
    top: list[tuple[int, float]]
    "Ids and their log-probabilities, the likeliest first, the lower id on ties."


def scores(logits: Floats, token: int, num_top: int) -> Scores:
    """Return the scores of a token.

    Exponentials are float32 and added up as float64: within 1e-6 of float64 throughout.

    Args:
        logits: (V,) as the model gave them, finite or minus infinity.
    """
    peak = logits.max()
    log_total = float(peak) + math.log(np.exp(logits - peak).sum(dtype=np.float64))
    ids = largest(logits, num_top).tolist() if num_top else []
    return Scores(
        float(logits[token]) - log_total, [(id_, float(logits[id_]) - log_total) for id_ in ids]
    )
