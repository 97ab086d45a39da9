"""An embedding engine without a model: a vector is made of hashes of an input's words.

For tests and for developing clients offline; every view of it names it `fake-embedding`. Equal
words give equal parts of a vector, so texts that share words are near each other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from hearth.engines.embedding.engine import EmbeddingEngine
from hearth.engines.embedding.types import Tokens
from hearth.engines.protocol import WorkerSpec
from hearth.errors import SetupError

DIMENSIONS = 64
MAX_TOKENS = 512
_WORD = re.compile(r"\w+|[^\w\s]")


class FakeTokenizer:
    """A token is a word, known by a hash of it."""

    def of_texts(self, texts: Sequence[str]) -> list[Tokens]:
        """See `Tokenizing.of_texts`."""
        words = (_WORD.findall(text.lower()) for text in texts)
        return [self.of_ids([crc32(word.encode()) for word in each]) for each in words]

    def of_ids(self, ids: Sequence[int]) -> Tokens:
        """See `Tokenizing.of_ids`."""
        return Tokens(list(ids[:MAX_TOKENS]), len(ids) > MAX_TOKENS)


class FakeEncoder:
    """Sums a pattern for each token."""

    fingerprint = "fake-embedding-1"
    max_tokens = MAX_TOKENS
    dimensions = DIMENSIONS
    vocabulary_size = 1 << 32
    normalizes = True

    def __init__(self) -> None:
        self.tokenizer = FakeTokenizer()

    def encode(self, sequences: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """See `VectorModel.encode`."""
        return [_vector(ids) for ids in sequences]


def _vector(ids: Sequence[int]) -> NDArray[np.float32]:
    patterns = [np.random.default_rng(token).standard_normal(DIMENSIONS) for token in (0, *ids)]
    total = np.sum(patterns, axis=0)
    unit: NDArray[np.float32] = (total / np.linalg.norm(total)).astype(np.float32)
    return unit


def build(spec: WorkerSpec) -> EmbeddingEngine:
    """Make the engine; see `worker.BUILDERS`.

    Raises:
        SetupError: an option, for it has none.
    """
    if spec.options:
        raise SetupError(f"The engine has no option {', '.join(sorted(spec.options))}.")
    return EmbeddingEngine(spec, FakeEncoder())
