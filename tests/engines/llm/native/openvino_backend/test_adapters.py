"""Adapters mixed in one batch against models that each was merged into."""

from __future__ import annotations

import numpy as np
import pytest

from hearth.engines.llm.native.backend import NO_ADAPTER, Floats
from hearth.engines.llm.native.openvino_backend.backend import OpenVinoBackend
from tests.engines.llm.native.stepping import Merged, Text, random_adapter, step_of
from tests.engines.llm.native.tiny import tiny

TOLERANCE = 2e-4  # of logits around 7


class Mixed:
    """A backend with adapters of unequal ranks and sites, and one merged backend for each."""

    def __init__(self, family: str) -> None:
        self.weights = tiny(family).weights
        about = self.weights.architecture
        self.adapters = {
            0: random_adapter(about, rank=8, seed=1),
            3: random_adapter(about, rank=16, seed=2, sites=("q", "v")),
            7: random_adapter(about, rank=5, seed=3, sites=("k", "down", "up")),
        }
        self.backend = self._new(Merged(self.weights))
        self.backend.prepare_adapters()
        for place, adapter in self.adapters.items():
            self.backend.put_adapter(place, adapter)

    def alone(self, ids: list[int], adapter: int) -> Floats:
        merged = Merged(self.weights, self.adapters.get(adapter, {}))
        return self._new(merged).forward(step_of([Text(ids, list(range(8)))])).copy()

    def _new(self, weights: Merged) -> OpenVinoBackend:
        return OpenVinoBackend(weights, "f32", num_blocks=90, threads=1)


@pytest.mark.parametrize("family", ["llama", "qwen2", "gemma3_text"])
def test_every_sequence_of_a_mixed_batch_gets_its_own_adapter(family: str) -> None:
    mixed = Mixed(family)
    random = np.random.default_rng(0)
    kinds = [(5, 0), (3, NO_ADAPTER), (9, 3), (4, 7), (70, 0), (60, NO_ADAPTER), (2, 3), (150, 7)]
    texts = [
        Text(random.integers(0, 259, count).tolist(), list(range(10 * n, 10 * n + 9)), 0, adapter)
        for n, (count, adapter) in enumerate(kinds)
    ]

    told = mixed.backend.forward(step_of(texts))

    right = np.concatenate([mixed.alone(text.ids, text.adapter) for text in texts])
    np.testing.assert_allclose(told, right, atol=TOLERANCE)


def test_adapters_come_and_go_and_change_places() -> None:
    mixed = Mixed("llama")
    ids = [5, 6, 7]

    def told(adapter: int, *others: int) -> Floats:
        texts = [Text(ids, [n], 0, each) for n, each in enumerate((adapter, *others, NO_ADAPTER))]
        return mixed.backend.forward(step_of(texts))[: len(ids)].copy()

    np.testing.assert_allclose(told(0, 3, 7), mixed.alone(ids, 0), atol=TOLERANCE)
    mixed.backend.drop_adapter(0)
    np.testing.assert_allclose(told(7, 3), mixed.alone(ids, 7), atol=TOLERANCE)
    mixed.adapters[0] = random_adapter(mixed.weights.architecture, rank=32, seed=9)
    mixed.backend.put_adapter(0, mixed.adapters[0])
    np.testing.assert_allclose(told(3), mixed.alone(ids, 3), atol=TOLERANCE)
    np.testing.assert_allclose(told(0, 7), mixed.alone(ids, 0), atol=TOLERANCE)
    np.testing.assert_allclose(told(NO_ADAPTER), mixed.alone(ids, NO_ADAPTER), atol=TOLERANCE)
