"""A controller that is killed: the next one brings everything back, and gateways never hang."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.deployments.traffic import Deployments, key_of, traffic, wait_until
from tests.e2e.gateways import running_gateways
from tests.running import environment_for, running_hearth

END_LIMIT_S = 30.0


@contextmanager
def controller(
    home: Path, log: Path, settings: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A controller alone, for the length of a block."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "hearth.cli.controller", "--engine", "fake"],
            env=environment_for(home, 1, settings),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(END_LIMIT_S)


def test_the_next_controller_brings_deployments_back_while_gateways_serve_on(
    tmp_path: Path, dialect: str, db_url: str
) -> None:
    home = tmp_path / "home"
    settings = {"database_url": db_url} if dialect == "postgresql" else {}
    with running_hearth(home, **settings):
        pass  # makes the state and the dev key
    first_log, second_log = tmp_path / "first", tmp_path / "second"
    with (
        controller(home, first_log, settings) as first,
        running_gateways(home, num=1, **settings) as (gateway,),
    ):
        wait_until(lambda: b"leads" in first_log.read_bytes(), "nobody leads")
        with controller(home, second_log, settings):
            wait_until(lambda: b"waits" in second_log.read_bytes(), "it does not wait")
            deployments = Deployments(gateway)
            made = deployments.create("d1", minReplicaCount=2, maxReplicaCount=2)
            deployments.wait_ready("d1", 2)
            before = {each["id"] for each in deployments.replicas("d1")}

            with traffic(gateway, made["name"], num_clients=3) as seen:
                first.kill()
                wait_until(lambda: b"leads now" in second_log.read_bytes(), "no other leads")
                wait_until(
                    lambda: before.isdisjoint(each["id"] for each in deployments.replicas("d1")),
                    "the replicas of the dead one stay",
                )
                deployments.wait_ready("d1", 2)
                num_before = seen.finished
                wait_until(lambda: seen.finished > num_before + 10, "nothing is answered")

            # What was refused meanwhile says why; nothing hung, or `traffic` would not have ended.
            assert all(fault.startswith(("503", "200", "Incomplete")) for fault in seen.faults)
            listed = httpx.get(
                f"{gateway.url}/v1/accounts/dev/deployments",
                headers={"Authorization": f"Bearer {key_of(gateway)}"},
                timeout=END_LIMIT_S,
            )
            assert [each["name"] for each in listed.json()["deployments"]] == [made["name"]]
            deployments.api.close()
