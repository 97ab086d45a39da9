"""From the hidden states of a text's tokens to its vector, and from the vector to what is sent."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Literal

import msgspec
import numpy as np

from hearth.engines.embedding.config import Pooling
from hearth.engines.embedding.types import Floats

_TINY = np.float32(1e-12)  # a vector of zeros stays one

POOLINGS: dict[Pooling, Callable[[Floats], Floats]] = {
    "cls": lambda hidden: hidden[0],
    "mean": lambda hidden: hidden.mean(axis=0, dtype=np.float32),
    "max": lambda hidden: hidden.max(axis=0),
    "mean_sqrt_len": lambda hidden: hidden.sum(axis=0) / np.float32(len(hidden) ** 0.5),
    "lasttoken": lambda hidden: hidden[-1],
}
"By the names of sentence-transformers; hidden states are (length, width)."


def normalized(vector: Floats) -> Floats:
    """The vector with length 1."""
    unit: Floats = vector / np.maximum(np.linalg.norm(vector), _TINY)
    return unit


def cut(vector: Floats, dimensions: int | None, *, normalize: bool) -> Floats:
    """The first `dimensions` numbers, brought to length 1 where asked.

    Matryoshka representations (Kusupati et al. 2022) keep their meaning when they are cut.
    """
    kept = vector[:dimensions]
    return normalized(kept) if normalize else kept


def encoded(vector: Floats, form: Literal["float", "base64"]) -> bytes:
    """The vector as JSON: a list, or the base64 of little-endian float32 as a text."""
    if form == "base64":
        return b'"' + b64encode(vector.astype("<f4").tobytes()) + b'"'
    return msgspec.json.encode(vector.tolist())
