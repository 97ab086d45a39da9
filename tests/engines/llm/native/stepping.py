"""Steps of a backend, written as pieces of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np

from hearth.engines.llm.native.architecture import SITES, Architecture, Site
from hearth.engines.llm.native.backend import (
    NO_ADAPTER,
    AdapterWeights,
    Floats,
    LoraPair,
    Step,
    Weights,
)


@dataclass(frozen=True)
class Text:
    """A piece of a sequence; logits are wanted for all of it."""

    ids: list[int]
    blocks: list[int]
    past: int = 0
    adapter: int = NO_ADAPTER


def step_of(texts: Sequence[Text], block_tokens: int = 32) -> Step:
    """Lay pieces end to end."""
    lengths = [len(text.ids) for text in texts]
    blocks = [text.blocks[: -(-(text.past + len(text.ids)) // block_tokens)] for text in texts]

    def ints(values: object) -> np.ndarray:
        return np.array(values, np.int32)

    return Step(
        token_ids=ints([token for text in texts for token in text.ids]),
        positions=ints([text.past + n for text in texts for n in range(len(text.ids))]),
        past_tokens=ints([text.past for text in texts]),
        starts=ints([0, *accumulate(lengths)]),
        block_ids=ints([block for each in blocks for block in each]),
        block_starts=ints([0, *accumulate(len(each) for each in blocks)]),
        logit_rows=np.arange(sum(lengths), dtype=np.int32),
        adapters=ints([text.adapter for text in texts]),
    )


def random_adapter(
    architecture: Architecture,
    *,
    rank: int,
    seed: int,
    sites: Sequence[Site] = SITES,
    spread: float = 0.2,
) -> AdapterWeights:
    """An update of every layer's linear maps so named."""
    random = np.random.default_rng(seed)

    def matrix(*shape: int) -> Floats:
        return (random.standard_normal(shape) * spread).astype(np.float32)

    return {
        (layer, site): LoraPair(
            a=matrix(rank, architecture.shape(site)[1]), b=matrix(architecture.shape(site)[0], rank)
        )
        for layer in range(architecture.num_layers)
        for site in sites
    }


@dataclass(frozen=True)
class Merged:
    """Weights that an adapter was added to."""

    weights: Weights
    adapter: AdapterWeights = field(default_factory=dict)

    @property
    def architecture(self) -> Architecture:
        """See `Weights`."""
        return self.weights.architecture

    def tensor(self, name: str) -> Floats:
        """See `Weights`."""
        tensor = self.weights.tensor(name)
        _, layer, site = (*name.split("."), "", "")[:3]
        for (number, its_site), pair in self.adapter.items():
            if (str(number), its_site, f"layers.{number}.{site}") == (layer, site, name):
                tensor = tensor + pair.b @ pair.a
        return tensor
