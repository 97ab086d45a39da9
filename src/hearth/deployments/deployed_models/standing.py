"""How a deployed model stands, by the replicas that should have it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from hearth.accounts import Status
from hearth.deployments.deployed_models.types import DeployedModel, DeployedModelState
from hearth.deployments.serving import LIVE_ENGINES
from hearth.deployments.types import Replica, ReplicaState

_STATES = DeployedModelState


def stand(
    deployed: DeployedModel,
    own: Sequence[Replica],
    has_it: Callable[[str], bool],
    why_not: Callable[[str], str],
) -> DeployedModel:
    """The deployed model as it is now; its owner wants it loaded.

    Args:
        deployed: as it was last known.
        own: the replicas of its pool.
        has_it: whether the replica of an id has the adapter.
        why_not: why a running replica could not load it; empty: nothing has failed.
    """
    live = [each for each in own if each.state is not ReplicaState.DRAINING]
    having = [each for each in live if has_it(each.id)]
    if any(each.state is ReplicaState.READY for each in having):
        return replace(deployed, state=_STATES.DEPLOYED, status=Status())
    if not live:
        told = Status(message="No replica runs; the next one that is started will have it.")
        return replace(deployed, state=_STATES.DEPLOYED, status=told)
    failed = [each for each in having if each.state is ReplicaState.FAILED]
    if failed:
        told = Status(
            code="UNAVAILABLE",
            message=f"A replica with it cannot start: {failed[0].message}",
        )
        return replace(deployed, state=_STATES.DEPLOYING, status=told)
    if deployed.state is _STATES.DEPLOYED and having:  # a replica that had it comes back
        told = Status(message="Its replica is being started again.")
        return replace(deployed, state=_STATES.DEPLOYED, status=told)
    faults = list(filter(None, (why_not(each.id) for each in live)))
    if faults:
        told = Status(code="UNAVAILABLE", message=f"A replica cannot load it: {faults[0]}")
    elif any(each.state is ReplicaState.READY and each.engine in LIVE_ENGINES for each in live):
        told = Status(message="A replica is loading it.")
    else:
        told = Status(message="A replica that has it is being started.")
    return replace(deployed, state=_STATES.DEPLOYING, status=told)
