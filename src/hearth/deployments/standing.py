"""How a deployment stands, for people and programs: state, status and counts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from hearth.accounts import Status
from hearth.deployments.types import (
    Deployment,
    DeploymentState,
    Replica,
    ReplicaState,
    ReplicaStats,
)


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What is known of a deployment beside its replicas.

    Args:
        wanted: how many replicas there should be.
        version: what they should be.
        reason: why so many, as the autoscaler says.
        hindrance: why the next replica cannot start now; empty: nothing keeps it.
        code: the name of google.rpc.Code for the hindrance.
        has_served: whether it was ever ready.
        is_deleted: whether it is to go.
        label: what every view must say, such as that it is emulated.
    """

    wanted: int
    version: str
    reason: str = ""
    hindrance: str = ""
    code: str = "UNAVAILABLE"
    has_served: bool = False
    is_deleted: bool = False
    label: str = ""


def stand(deployment: Deployment, replicas: Sequence[Replica], outlook: Outlook) -> Deployment:
    """The deployment with its state, status and counts as they are now."""
    live = [each for each in replicas if each.state is not ReplicaState.DRAINING]
    current = [each for each in live if each.version == outlook.version]
    ready = [each for each in live if each.state is ReplicaState.READY]
    state = _state(outlook, replicas, live)
    placed = next((each for each in [*current, *live] if each.region), None)
    return replace(
        deployment,
        state=state,
        status=_status(outlook, current, replicas, state),
        desired_replica_count=outlook.wanted,
        replica_count=len(live),
        replica_stats=ReplicaStats(
            pending_scheduling_replica_count=max(0, outlook.wanted - len(live)),
            initializing_replica_count=len(live) - len(ready),
            ready_replica_count=len(ready),
        ),
        region=placed.region if placed is not None else deployment.region,
        active_model_version=outlook.version,
    )


def _state(
    outlook: Outlook, replicas: Sequence[Replica], live: Sequence[Replica]
) -> DeploymentState:
    if outlook.is_deleted:
        return DeploymentState.DELETING if replicas else DeploymentState.DELETED
    current = [each for each in live if each.version == outlook.version]
    num_ready = sum(each.state is ReplicaState.READY for each in current)
    serves = any(each.state is ReplicaState.READY for each in live)
    if num_ready >= outlook.wanted and len(live) == len(current):
        return DeploymentState.READY
    if not serves and current and all(each.state is ReplicaState.FAILED for each in current):
        return DeploymentState.FAILED
    if not outlook.has_served and not serves:
        return DeploymentState.CREATING
    return DeploymentState.UPDATING


def _status(
    outlook: Outlook,
    current: Sequence[Replica],
    replicas: Sequence[Replica],
    state: DeploymentState,
) -> Status:
    failed = next((each for each in current if each.state is ReplicaState.FAILED), None)
    num_ready = sum(each.state is ReplicaState.READY for each in current)
    told, code = [], "OK"
    if state in (DeploymentState.DELETING, DeploymentState.DELETED):
        if replicas:
            told.append(f"{_count(len(replicas))} to end once what runs has finished.")
    elif outlook.hindrance:
        told.append(f"{num_ready} of {_count(outlook.wanted)} ready. {outlook.hindrance}")
        code = outlook.code
    elif failed is not None:
        told.append(f"A replica cannot start: {failed.message.rstrip('.')}.")
        code = "UNAVAILABLE"
    elif num_ready < outlook.wanted:
        told.append(f"{num_ready} of {_count(outlook.wanted)} ready; the others are starting.")
    else:
        old = len([each for each in replicas if each not in current])
        told.append(outlook.reason or f"{_count(num_ready)} ready.")
        if old:
            told.append(f"{_count(old)} to end once what runs has finished.")
    if outlook.label:
        told.append(outlook.label)
    return Status(code=code, message=" ".join(told))


def _count(num: int) -> str:
    return "1 replica" if num == 1 else f"{num} replicas"
