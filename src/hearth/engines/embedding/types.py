"""What the engine asks of a model, whatever runs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Tokens(Struct, frozen=True):
    """One input, ready for the model."""

    ids: list[int]
    is_truncated: bool


class Tokenizing(Protocol):
    """Makes inputs ready, cutting each to what the model reads."""

    def of_texts(self, texts: Sequence[str]) -> list[Tokens]:
        """Tokenise texts."""
        ...

    def of_ids(self, ids: Sequence[int]) -> Tokens:
        """The same from token ids; special tokens that stand around them already stay."""
        ...


class VectorModel(Protocol):
    """A loaded model; `encode` may be called from several threads at once."""

    @property
    def tokenizer(self) -> Tokenizing:
        """Makes its inputs."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes with the weights and whatever else changes the numbers."""
        ...

    @property
    def max_tokens(self) -> int:
        """Of one input, the special tokens included."""
        ...

    @property
    def dimensions(self) -> int:
        """Of a vector."""
        ...

    @property
    def vocabulary_size(self) -> int:
        """Token ids are below it."""
        ...

    @property
    def normalizes(self) -> bool:
        """Whether its vectors have length 1."""
        ...

    def encode(self, sequences: Sequence[Sequence[int]]) -> list[Floats]:
        """Return the vector of each sequence of token ids; best given in order of length."""
        ...
