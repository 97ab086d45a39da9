"""Leaving out what is unlikely, before a token is drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hearth.engines.llm.native.backend import Floats
from hearth.engines.llm.native.sampling.choosing import Places, cheapest, largest
from hearth.engines.protocol import Sampling

_NEGLIGIBLE = -80.0  # e^-80 of the likeliest: all of a vocabulary together would never be drawn
_LIKELY = 1e-4  # of all; of most texts the likely tokens hold nearly all and are some hundreds


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """The cuts of a sequence, in the order in which they are made; each sees what is left."""

    top_k: int
    typical_p: float
    top_p: float
    min_p: float

    def remaining(self, scaled: Floats) -> Places:
        """Return the ids that may be drawn, in ascending order; at least one.

        Args:
            scaled: (V,) logits over the temperature, the largest of them 0.
        """
        kept: Places | None = None
        if self.top_k:
            kept = np.sort(largest(scaled, self.top_k))
        if self.typical_p < 1.0:
            kept = _of(kept, typical(_at(scaled, kept), self.typical_p))
        if self.top_p < 1.0:
            kept = _of(kept, nucleus(_at(scaled, kept), self.top_p))
        left = _at(scaled, kept)
        if self.min_p > 0.0:
            kept = _of(kept, np.flatnonzero(left >= left.max() + math.log(self.min_p)))
        return np.flatnonzero(left > -np.inf) if kept is None else kept


def _at(scaled: Floats, kept: Places | None) -> Floats:
    return scaled if kept is None else scaled[kept]


def _of(kept: Places | None, places: Places) -> Places:
    return places if kept is None else kept[places]


def cuts_of(sampling: Sampling) -> Cuts | None:
    """Return the cuts of settings; None where they cut nothing."""
    cuts = Cuts(
        top_k=sampling.top_k or 0,
        typical_p=1.0 if sampling.typical_p is None else sampling.typical_p,
        top_p=1.0 if sampling.top_p is None else sampling.top_p,
        min_p=sampling.min_p or 0.0,
    )
    return None if cuts == _NONE else cuts


_NONE = Cuts(top_k=0, typical_p=1.0, top_p=1.0, min_p=0.0)


def nucleus(scaled: Floats, share: float) -> Places:
    """Return the fewest places, likeliest first, that hold the share (Holtzman et al., 2020).

    Args:
        scaled: as of `Cuts.remaining`, or some of them; others may be minus infinity.
    """
    weights = np.exp(scaled)
    total = float(weights.sum())  # float32, but in pairs: within 1e-6
    places = np.flatnonzero(weights >= _LIKELY * total)
    if weights[places].sum(dtype=np.float64) < share * total:
        # All those below this weight hold less together than may be left out.
        places = np.flatnonzero(weights >= 0.999 * (1.0 - share) * total / len(weights))
    return places[cheapest(-scaled[places], weights[places], share * total)]


def typical(scaled: Floats, share: float) -> Places:
    """Return the places that surprise most nearly as much as is expected (Meister et al., 2022).

    The fewest that hold the share, by the distance of their information content to the entropy.
    """
    places = np.flatnonzero(scaled > _NEGLIGIBLE)
    logprobs = scaled[places]
    logprobs -= np.log(np.exp(logprobs).sum(dtype=np.float64)).astype(np.float32)
    probabilities = np.exp(logprobs)
    entropy = -float((probabilities * logprobs).sum(dtype=np.float64))
    return places[cheapest(np.abs(logprobs + np.float32(entropy)), probabilities, share)]
