"""What a deployment says of itself, for each way it may stand."""

from __future__ import annotations

import pytest

from hearth.deployments.standing import Outlook, stand
from hearth.deployments.types import Deployment, DeploymentState, Replica, ReplicaState

NEW = Deployment(name="accounts/a/deployments/d", base_model="m")


def replica(state: ReplicaState, version: str = "v", message: str = "") -> Replica:
    return Replica(
        id=f"{state}-{version}", pool="p", model="m", state=state, version=version, message=message
    )


READY = replica(ReplicaState.READY)
STARTING = replica(ReplicaState.STARTING)
FAILED = replica(ReplicaState.FAILED, message="its weights are broken.")
OLD = replica(ReplicaState.READY, version="u")
OLD_DRAINING = replica(ReplicaState.DRAINING, version="u")


@pytest.mark.parametrize(
    ("replicas", "outlook", "state", "message"),
    [
        ([], Outlook(wanted=1, version="v"), "CREATING", "0 of 1 replica ready; the others"),
        ([STARTING], Outlook(wanted=1, version="v"), "CREATING", "0 of 1 replica ready"),
        ([READY], Outlook(wanted=1, version="v", reason="Steady."), "READY", "Steady."),
        ([], Outlook(wanted=0, version="v", reason="Idle."), "READY", "Idle."),
        (
            [FAILED],
            Outlook(wanted=1, version="v", has_served=True),
            "FAILED",
            "A replica cannot start: its weights are broken.",
        ),
        ([READY, STARTING], Outlook(wanted=2, version="v"), "UPDATING", "1 of 2 replicas ready"),
        ([OLD, STARTING], Outlook(wanted=1, version="v"), "UPDATING", "0 of 1 replica ready"),
        (
            [READY, OLD_DRAINING],
            Outlook(wanted=1, version="v"),
            "READY",
            "1 replica ready. 1 replica to end once what runs has finished.",
        ),
        (
            [],
            Outlook(wanted=1, version="v", hindrance="All H100 are taken."),
            "CREATING",
            "0 of 1 replica ready. All H100 are taken.",
        ),
        ([READY], Outlook(wanted=0, version="v", is_deleted=True), "DELETING", "1 replica to end"),
        ([], Outlook(wanted=0, version="v", is_deleted=True), "DELETED", ""),
        (
            [READY],
            Outlook(wanted=1, version="v", reason="Steady.", label="Emulated: 1 x H100."),
            "READY",
            "Steady. Emulated: 1 x H100.",
        ),
    ],
)
def test_how_it_stands(replicas: list[Replica], outlook: Outlook, state: str, message: str) -> None:
    told = stand(NEW, replicas, outlook)

    assert told.state == DeploymentState(state)
    assert told.status.message.startswith(message)


def test_what_keeps_it_is_told_with_its_code() -> None:
    waits = Outlook(wanted=1, version="v", hindrance="Full.", code="RESOURCE_EXHAUSTED")

    assert stand(NEW, [], waits).status.code == "RESOURCE_EXHAUSTED"
    assert stand(NEW, [FAILED], Outlook(wanted=1, version="v")).status.code == "UNAVAILABLE"


def test_replicas_are_counted_by_how_far_they_are() -> None:
    told = stand(NEW, [READY, STARTING, OLD_DRAINING], Outlook(wanted=3, version="v"))

    assert (told.replica_count, told.desired_replica_count) == (2, 3)
    assert told.replica_stats.ready_replica_count == 1
    assert told.replica_stats.initializing_replica_count == 1
    assert told.replica_stats.pending_scheduling_replica_count == 1
