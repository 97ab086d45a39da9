"""Deployments under load, in real processes: nothing is dropped while replicas come and go."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployments.traffic import Deployments, traffic, wait_until
from tests.running import RunningHearth, running_hearth

SLOW = {"step_s": 0.02}


@pytest.fixture
def hearth(tmp_path: Path) -> Iterator[RunningHearth]:
    with running_hearth(tmp_path) as running:
        yield running


@pytest.fixture
def deployments(hearth: RunningHearth) -> Iterator[Deployments]:
    deployments = Deployments(hearth)
    yield deployments
    deployments.api.close()


def test_scaling_from_one_to_four_and_back_drops_nothing(
    hearth: RunningHearth, deployments: Deployments
) -> None:
    made = deployments.create("d1", maxReplicaCount=4, engineOptions=SLOW)
    deployments.wait_ready("d1", 1)

    with traffic(hearth, made["name"]) as seen:
        deployments.scale("d1", 4)
        deployments.wait_ready("d1", 4)
        deployments.scale("d1", 1)
        deployments.wait_ready("d1", 1)
        wait_until(lambda: len(deployments.replicas("d1")) == 1, "the others stay")

    assert seen.faults == []
    assert seen.finished > 20


def test_an_update_replaces_every_replica_and_drops_nothing(
    hearth: RunningHearth, deployments: Deployments
) -> None:
    made = deployments.create(
        "d1", minReplicaCount=2, maxReplicaCount=2, engineOptions=SLOW, displayName="One"
    )
    deployments.wait_ready("d1", 2)
    before = {each["id"] for each in deployments.replicas("d1")}

    with traffic(hearth, made["name"]) as seen:
        changed = deployments.update("d1", engineOptions=SLOW | {"slots": 3})
        assert changed["state"] == "UPDATING"
        wait_until(
            lambda: before.isdisjoint(each["id"] for each in deployments.replicas("d1")),
            "the old replicas stay",
        )
        deployments.wait_ready("d1", 2)

    assert seen.faults == []
    assert deployments.get("d1")["displayName"] == "One"


def test_a_change_that_replicas_do_not_feel_replaces_none(deployments: Deployments) -> None:
    deployments.create("d1")
    deployments.wait_ready("d1", 1)
    before = deployments.replicas("d1")

    deployments.update("d1", displayName="Another", maxReplicaCount=3)
    deployments.wait_ready("d1", 1)

    assert [each["id"] for each in deployments.replicas("d1")] == [each["id"] for each in before]


def test_a_deployment_scaled_to_zero_refuses_at_once_and_wakes(
    hearth: RunningHearth, deployments: Deployments
) -> None:
    made = deployments.create("d1", maxReplicaCount=1)
    deployments.wait_ready("d1", 1)
    ask = {"model": made["name"], "messages": [{"role": "user", "content": "Hello?"}]}

    deployments.scale("d1", 0)
    deployments.wait_ready("d1", 0)
    with hearth.client() as api:
        refused = api.post("/chat/completions", json=ask)
        deployments.wait_ready("d1", 1)
        answered = api.post("/chat/completions", json=ask)

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert "one is being started" in refused.json()["error"]["message"]
    assert answered.status_code == 200
    assert answered.headers["fireworks-deployment"] == made["name"]


def test_a_worker_that_is_killed_is_back_and_the_other_answers_meanwhile(
    hearth: RunningHearth, deployments: Deployments
) -> None:
    made = deployments.create("d1", minReplicaCount=2, maxReplicaCount=2)
    deployments.wait_ready("d1", 2)
    others = set(hearth.worker_pids())

    with traffic(hearth, made["name"]) as seen:
        victim = max(others)  # the newest belongs to the deployment
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: bool(set(hearth.worker_pids()) - others), "nobody takes its place")
        deployments.wait_ready("d1", 2)
        before = seen.finished
        wait_until(lambda: seen.finished > before + 20, "nothing is answered any more")

    # A stream that had begun in it is cut; whatever had not begun goes to the other one.
    assert all("died while it answered" in fault for fault in seen.faults)


def test_what_is_wanted_comes_back_after_everything_was_killed(tmp_path: Path) -> None:
    with running_hearth(tmp_path) as first:
        deployments = Deployments(first)
        made = deployments.create("d1", minReplicaCount=2, maxReplicaCount=3)
        deployments.wait_ready("d1", 2)
        deployments.scale("d1", 3)
        deployments.wait_ready("d1", 3)
        deployments.api.close()
        first.kill()
        wait_until(first.leaves_nothing, "workers outlive their controller")

    with running_hearth(tmp_path) as second:
        deployments = Deployments(second)
        deployments.wait_ready("d1", 3)
        ask = {"model": made["name"], "messages": [{"role": "user", "content": "Hello?"}]}
        deployments.api.close()
        with second.client() as api:
            assert api.post("/chat/completions", json=ask).status_code == 200


def test_a_deleted_deployment_ends_its_replicas_and_can_be_had_back(
    hearth: RunningHearth, deployments: Deployments
) -> None:
    made = deployments.create("d1")
    deployments.wait_ready("d1", 1)
    ask = {"model": made["name"], "messages": [{"role": "user", "content": "Hello?"}]}

    with hearth.client() as api:
        assert api.post("/chat/completions", json=ask).status_code == 200
        wait_until(
            lambda: deployments.metrics("d1").get("requests_total") == 1.0,
            "the request is not counted",
        )
        refused = deployments.api.delete("/deployments/d1")
        deleted = deployments.api.delete("/deployments/d1", params={"ignoreChecks": "true"})
        wait_until(lambda: deployments.get("d1")["state"] == "DELETED", "it never ends")
        gone = api.post("/chat/completions", json=ask)
        deployments.api.post("/deployments/d1:undelete", json={})
        deployments.wait_ready("d1", 1)
        back = api.post("/chat/completions", json=ask)

    assert (refused.status_code, refused.json()["code"]) == (400, 9)
    assert "pass ignoreChecks" in refused.json()["message"]
    assert deleted.json() == {}
    assert gone.status_code == 404
    assert gone.json()["error"]["message"].startswith("Model not found")
    assert back.status_code == 200
