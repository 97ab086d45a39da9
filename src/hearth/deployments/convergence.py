"""What to start and what to drain: the step from the replicas there are to those wanted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hearth.deployments.types import Replica, ReplicaState


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a pool should be: so many replicas of one version."""

    count: int
    version: str


@dataclass(frozen=True, kw_only=True)
class Steps:
    """What to do now; when it is done or half done, ask again."""

    start: int = 0
    "New replicas of the version that is wanted."
    drain: tuple[str, ...] = ()
    "Ids of replicas that should finish and end."


_LEAST_USEFUL_FIRST = {ReplicaState.FAILED: 0, ReplicaState.STARTING: 1, ReplicaState.READY: 2}


def steps(wanted: Wanted, replicas: Sequence[Replica]) -> Steps:
    """Say what brings a pool nearer to what is wanted, without losing capacity that serves.

    New replicas start beside the old ones; an old one that serves is drained only when a new one
    serves in its place, so an update drops no request. What serves nobody goes at once.

    Args:
        wanted: how many replicas of which version.
        replicas: all of the pool, oldest first.
    """
    live = [each for each in replicas if each.state is not ReplicaState.DRAINING]
    current = [each for each in live if each.version == wanted.version]
    old = [each for each in live if each.version != wanted.version]
    num_ready = sum(each.state is ReplicaState.READY for each in current)
    surplus = _least_useful(current, max(0, len(current) - wanted.count))
    old_needed = max(0, wanted.count - num_ready)
    serving_old = [each for each in old if each.state is ReplicaState.READY]
    replaced = [each for each in old if each.state is not ReplicaState.READY]
    replaced += serving_old[: max(0, len(serving_old) - old_needed)]
    return Steps(
        start=max(0, wanted.count - len(current)),
        drain=tuple(each.id for each in (*surplus, *replaced)),
    )


def _least_useful(replicas: Sequence[Replica], num: int) -> list[Replica]:
    """So many replicas that are missed least: failed, then starting, then the newest."""
    newest_first = list(reversed(replicas))
    newest_first.sort(key=lambda each: _LEAST_USEFUL_FIRST[each.state])  # stable
    return newest_first[:num]
