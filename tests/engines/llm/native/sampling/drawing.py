"""Drawings and plain references for the tests of sampling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hearth.engines.llm.native.backend import Floats
from hearth.engines.llm.native.sampling import Drawing, Drawn, Sampler
from hearth.engines.llm.types import SequenceRequest
from hearth.engines.protocol import Failure, Sampling

Probabilities = NDArray[np.float64]


def drawing(
    size: int,
    *,
    seed: int = 1,
    prompt: Sequence[int] = (0,),
    logprobs: int | None = None,
    banned: Sequence[int] = (),
    grammar: Any = None,  # Any: a GrammarState or None
    **fields: Any,  # Any: of Sampling
) -> Drawing:
    request = SequenceRequest(
        sequence=1,
        prompt=prompt,
        max_tokens=9,
        sampling=Sampling(**fields),
        seed=seed,
        ignore_eos=False,
        logprobs=logprobs,
    )
    return Drawing(request, size, banned=banned, grammar=grammar)


def random_logits(*shape: int, seed: int = 1, scale: float = 3.0) -> Floats:
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


def token(drawn: Drawn | Failure) -> int:
    assert isinstance(drawn, Drawn), drawn
    return drawn.token


def generated(logits: Floats, drawing: Drawing) -> list[int]:
    """The tokens of rows that follow each other."""
    sampler, tokens = Sampler(logits.shape[1]), []
    for row in logits:
        tokens.append(token(sampler.draw_one(row, drawing)))
        drawing.accept(tokens[-1])
    return tokens


def softmax(logits: NDArray[Any]) -> Probabilities:
    exponentials = np.exp(logits.astype(np.float64) - logits.max())
    return np.asarray(exponentials / exponentials.sum(), np.float64)


def cut(
    logits: Floats, *, top_k: int = 0, typical_p: float = 1, top_p: float = 1, min_p: float = 0
) -> Probabilities:
    """What is left of probabilities after the cuts, in float64 and with full sorts."""
    p = softmax(logits)
    for share, what in ((top_k or len(p), "k"), (typical_p, "typical"), (top_p, "p")):
        if share < 1 or what == "k":
            with np.errstate(divide="ignore", invalid="ignore"):
                information = -np.log(p)
                entropy = np.where(p > 0, p * information, 0).sum()
            cost = np.abs(information - entropy) if what == "typical" else -p
            order = np.argsort(np.where(p > 0, cost, np.inf), kind="stable")
            num = share if what == "k" else np.searchsorted(p[order].cumsum(), share) + 1
            p[order[int(num) :]] = 0
            p /= p.sum()
    p[p < min_p * p.max()] = 0
    return np.asarray(p / p.sum(), np.float64)


def distance(counts: NDArray[np.int64], expected: Probabilities) -> float:
    """Chi-square over its degrees of freedom: near 1 where the counts are as expected."""
    assert not counts[expected == 0].any()
    mean = counts.sum() * expected[expected > 0]
    return float((((counts[expected > 0] - mean) ** 2) / mean).sum() / max(len(mean) - 1, 1))
