"""Adapters that come to running replicas and leave them, in real processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from hearth.catalog import Catalog, ModelStore, plan_pull
from tests.catalog.peft_folders import random_matrices, write_peft
from tests.deployments.deployed_models.test_served import load, said, unload
from tests.deployments.traffic import Deployments, traffic, wait_until
from tests.engines.models import write_tiny_model
from tests.running import RunningHearth, running_hearth

BASE = "accounts/fireworks/models/smollm2-135m-instruct"


@pytest.fixture(scope="module")
def hearth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    """With the fake engine, which loads adapters while it runs, and an adapter."""
    home = tmp_path_factory.mktemp("live")
    tiny = write_tiny_model(home / "tiny.gguf")
    folder = write_peft(
        home / "first", random_matrices(tiny), base_model_name_or_path="smollm2-135m-instruct"
    )
    spec = plan_pull(Catalog.load(), str(folder), account_id="dev", as_id="first")
    ModelStore(home).pull(spec)
    with running_hearth(home) as running:
        yield running


@pytest.fixture
def control(hearth: RunningHearth) -> Iterator[Deployments]:
    control = Deployments(hearth)
    yield control
    control.api.close()


def test_no_replica_of_a_deployment_is_replaced(
    hearth: RunningHearth, control: Deployments
) -> None:
    d1 = control.create("d1", baseModel=BASE, minReplicaCount=2, maxReplicaCount=2)["name"]
    control.wait_ready("d1", 2)
    before = {each["id"] for each in control.replicas("d1")}

    with traffic(hearth, d1) as seen:
        first = load(control, model="first", deployment="d1")
        marked = said(hearth, f"dev/first#{d1}")
        after = {each["id"] for each in control.replicas("d1")}
        unload(control, first)

    assert seen.faults == []
    assert "[first]" in marked
    assert after == before == {each["id"] for each in control.replicas("d1")}
    assert "[first]" not in said(hearth, d1)


def test_a_replica_that_died_comes_back_with_what_was_loaded(
    hearth: RunningHearth, control: Deployments
) -> None:
    d2 = control.create("d2", baseModel=BASE)["name"]
    control.wait_ready("d2", 1)
    first = load(control, model="first", deployment="d2")

    (replica,) = control.replicas("d2")
    for pid in hearth.worker_pids():
        os.kill(pid, signal.SIGKILL)

    body = {"model": f"dev/first#{d2}", "prompt": "Once upon", "temperature": 0}

    def is_marked() -> bool:
        with hearth.client() as api:
            return "[first]" in api.post("/completions", json=body).text

    wait_until(is_marked, "it does not come back")
    assert [each["id"] for each in control.replicas("d2")] == [replica["id"]]
    unload(control, first)


def test_adapters_of_a_model_without_a_deployment_are_loaded_alive(
    hearth: RunningHearth, control: Deployments
) -> None:
    with traffic(hearth, BASE) as seen:
        first = load(control, model="first")
        marked = said(hearth, "first")
        unload(control, first)

    assert seen.faults == []
    assert "[first]" in marked
