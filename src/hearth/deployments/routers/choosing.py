"""Which deployment of a router gets a request: a pure choice, made for each.

A session stays where it is: rendezvous hashing gives each deployment a score for the session's
key, and the highest wins (Thaler and Ravishankar, "Using name-based mappings to increase hit
rates", 1998). With the score w / -ln(u), where u is uniform in (0, 1), a deployment wins as often
as its share of the weights, and when one goes, only its own sessions move (Schindelhauer and
Schomaker, "Weighted distributed hash tables", SPAA 2005).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from math import log
from random import Random

from hearth.deployments.routers.types import Router

_HASH_BYTES = 8
_HASH_RANGE = 1 << (8 * _HASH_BYTES)


@dataclass(frozen=True, kw_only=True, slots=True)
class RouterPlan:
    """A router as requests need it."""

    weights: tuple[tuple[str, float], ...]
    "By the full names of deployments; those of weight 0 get nothing."
    is_even_load: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Where a request goes."""

    deployment: str | None
    "None: none that may get requests is ready."
    missed: str = ""
    "Whose turn it was, but it is not ready: it should be woken."
    left_out: tuple[str, ...] = ()
    "Every deployment that would have had a chance, but is not ready."


def plan_of(router: Router) -> RouterPlan:
    """What a stored router, whose names are full, means."""
    told = router.weighted_random
    weights = told.weights if told is not None else {}
    return RouterPlan(
        weights=tuple((name, weights.get(name, 1.0)) for name in router.deployments),
        is_even_load=router.even_load is not None,
    )


def choose_deployment(
    plan: RouterPlan, ready: Mapping[str, int], random: Random, affinity: str = ""
) -> Choice:
    """Choose among the deployments that are ready.

    Args:
        plan: the router's.
        ready: how many requests each deployment that is ready works on, by full name.
        random: draws where there is no session.
        affinity: the key of a session; the same key goes to the same deployment while it is ready.
    """
    wanted = [(name, weight) for name, weight in plan.weights if weight > 0]
    there = [(name, weight) for name, weight in wanted if name in ready]
    missed, left_out = "", tuple(name for name, _ in wanted if name not in ready)
    if left_out:
        # To draw among all first, then among the rest, leaves each of these its share of the rest.
        first = _drawn(wanted, random, affinity)
        if first in ready and not plan.is_even_load:
            return Choice(deployment=first, left_out=left_out)
        missed = "" if first in ready else first
    if not there:
        return Choice(deployment=None, missed=missed, left_out=left_out)
    if plan.is_even_load:
        least = min(ready[name] for name, _ in there)
        there = [(name, weight) for name, weight in there if ready[name] == least]
    chosen = _drawn(there, random, affinity)
    return Choice(deployment=chosen, missed=missed, left_out=left_out)


def _drawn(options: list[tuple[str, float]], random: Random, affinity: str) -> str:
    if len(options) == 1:
        return options[0][0]
    if affinity:
        return max(options, key=lambda option: _score(option[0], option[1], affinity))[0]
    names, weights = zip(*options, strict=True)
    return str(random.choices(names, weights)[0])


def _score(name: str, weight: float, affinity: str) -> float:
    """Higher wins; see the head of this module."""
    digest = blake2b(f"{affinity}\0{name}".encode(), digest_size=_HASH_BYTES).digest()
    uniform = (int.from_bytes(digest, "big") + 0.5) / (_HASH_RANGE + 1)
    return weight / -log(uniform)
