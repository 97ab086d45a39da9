"""A model folder as sentence-transformers writes it, loaded: texts in, vectors out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hearth.engines.embedding.bert import Bert
from hearth.engines.embedding.config import read_recipe
from hearth.engines.embedding.pooling import POOLINGS, normalized
from hearth.engines.embedding.tokens import TextTokenizer
from hearth.engines.embedding.types import Floats
from hearth.engines.safetensors import read_tensors
from hearth.errors import SetupError


class Encoder:
    """A `VectorModel` in numpy.

    Args:
        folder: holds `config.json`, `tokenizer.json` and the weights as safetensors.

    Raises:
        SetupError: something is missing, broken, or of a kind that is not supported.
    """

    def __init__(self, folder: Path) -> None:
        self._recipe = recipe = read_recipe(folder)
        weights = sorted(folder.glob("*.safetensors"))
        if not weights:
            raise SetupError(f"{folder} holds no safetensors weights.")
        self._bert = Bert(recipe.bert, read_tensors(weights))
        self.tokenizer = TextTokenizer(
            folder / "tokenizer.json",
            max_tokens=recipe.max_tokens,
            lower_case=recipe.lower_case,
            prompt=recipe.prompt,
        )
        self.fingerprint = _fingerprint([*folder.rglob("*.json"), *weights])

    @property
    def max_tokens(self) -> int:
        """See `VectorModel`."""
        return self._recipe.max_tokens

    @property
    def normalizes(self) -> bool:
        """See `VectorModel`."""
        return self._recipe.normalizes

    @property
    def dimensions(self) -> int:
        """See `VectorModel`."""
        return self._bert.width * len(self._recipe.pooling)

    @property
    def vocabulary_size(self) -> int:
        """See `VectorModel`."""
        return self._bert.vocabulary_size

    def encode(self, sequences: Sequence[Sequence[int]]) -> list[Floats]:
        """See `VectorModel`."""
        return [self._pool(hidden) for hidden in self._bert(sequences)]

    def _pool(self, hidden: Floats) -> Floats:
        parts = [POOLINGS[mode](hidden) for mode in self._recipe.pooling]
        vector = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return normalized(vector) if self.normalizes else vector


def _fingerprint(files: list[Path]) -> str:
    """Changes with the files; the heads of large ones and their sizes stand for them."""
    digest = hashlib.sha256()
    for path in sorted(files):
        with path.open("rb") as file:
            digest.update(b"%d " % path.stat().st_size + file.read(1 << 20))
    return digest.hexdigest()[:16]
