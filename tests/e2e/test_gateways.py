"""Several gateway processes serve one home; one that dies takes nothing with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.e2e.accounting import (
    assert_nothing_lost_or_doubled,
    sqlite_query,
    wait_for_rows,
)
from tests.e2e.crowd import crowded
from tests.e2e.gateways import RunningGateway, running_gateways
from tests.gateway.test_chat import ASK
from tests.running import RunningHearth, environment_for, running_hearth

LIMIT_S = 30.0
ASK_VECTORS = {"model": "accounts/fireworks/models/all-minilm-l6-v2", "input": "warm"}


def ask(url: str, key: str, **more: object) -> httpx.Response:
    """One small chat."""
    return post(url, key, "chat/completions", ASK | more)


def post(url: str, key: str, path: str, body: object) -> httpx.Response:
    """One request on a connection of its own, so that a shared port may choose anew."""
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{url}/inference/v1/{path}", json=body, headers=headers, timeout=LIMIT_S)


def wait_until(condition: Callable[[], bool], complaint: str) -> None:
    """Look again and again until it holds."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.05)  # between two looks


def is_ready(url: str) -> bool:
    """What /readyz says."""
    return httpx.get(f"{url}/readyz", timeout=LIMIT_S).status_code == 200


def instances(home: Path) -> set[str]:
    """The gateways that the ledger knows."""
    rows = sqlite_query(home)("SELECT DISTINCT gateway FROM usage_events")
    return {name for (name,) in rows}


def test_the_others_serve_on_when_one_is_killed_and_what_it_served_is_in_the_ledger(
    tmp_path: Path,
) -> None:
    with (
        running_hearth(tmp_path) as hearth,
        running_gateways(tmp_path, num=2) as (survivor, victim),
    ):
        key = hearth.credentials["api_key"]
        wait_until(lambda: is_ready(survivor.url) and is_ready(victim.url), "never ready")
        urls = [hearth.url, survivor.url, victim.url]

        with crowded(urls, key, num_clients=24) as crowd:
            victim.kill()
            num_before = len(crowd.seen.finished)
            wait_until(lambda: len(crowd.seen.finished) > num_before + 200, "the others stand")
        victim.start()  # replays what it left

        seen = crowd.seen
        assert seen.num_broken > 0, "nobody noticed the kill"
        wait_for_rows(sqlite_query(tmp_path), set(seen.finished))
        assert_nothing_lost_or_doubled(sqlite_query(tmp_path), seen, extra=1)
        assert ask(victim.url, key).status_code == 200


def test_a_model_that_a_second_gateway_asks_for_is_started_by_the_controller(
    tmp_path: Path,
) -> None:
    with running_hearth(tmp_path) as hearth, running_gateways(tmp_path, num=1) as (gateway,):
        answer = post(gateway.url, hearth.credentials["api_key"], "embeddings", ASK_VECTORS)

        assert answer.status_code == 200, answer.text


def test_a_gateway_outlives_its_controller_and_serves_again_with_the_next(
    tmp_path: Path,
) -> None:
    hearth = RunningHearth(tmp_path)
    try:
        hearth.wait_ready()
        with running_gateways(tmp_path, num=1) as (gateway,):
            key = hearth.credentials["api_key"]
            wait_until(lambda: is_ready(gateway.url), "never ready")
            hearth.kill()
            wait_until(lambda: not is_ready(gateway.url), "ready without a worker")
            reason = httpx.get(f"{gateway.url}/readyz").json()["reason"]
            models = httpx.get(
                f"{gateway.url}/v1/models", headers={"Authorization": f"Bearer {key}"}
            )

            with running_hearth(tmp_path):
                answer = ask(gateway.url, key)

        assert "`hearth up`" in reason
        assert models.status_code == 200
        assert answer.status_code == 200, answer.text
    finally:
        hearth.kill()


def test_gateways_on_one_port_share_the_load_and_one_that_dies_is_started_again(
    tmp_path: Path,
) -> None:
    with running_hearth(tmp_path, gateways="3") as hearth:
        key, num_asked = hearth.credentials["api_key"], 1  # the welcome's

        def served_by_all() -> bool:
            nonlocal num_asked
            num_asked += 1
            assert ask(hearth.url, key).status_code == 200
            return len(instances(tmp_path)) >= 3

        wait_until(served_by_all, "not all of them serve")
        (first, second) = hearth.gateway_pids()
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: {second} < set(hearth.gateway_pids()), "the dead one stays dead")

        with crowded([hearth.url], key, num_clients=8) as crowd:
            wait_until(lambda: len(crowd.seen.finished) > 200, "they stand")
        assert hearth.stop() == 0
        assert hearth.leaves_nothing()

        assert_nothing_lost_or_doubled(sqlite_query(tmp_path), crowd.seen, extra=num_asked)


def test_gateways_end_with_the_hearth_that_started_them(tmp_path: Path) -> None:
    hearth = RunningHearth(tmp_path, gateways="2")
    try:
        hearth.wait_ready()
        wait_until(lambda: len(hearth.gateway_pids()) == 1, "no second gateway")
    finally:
        hearth.kill()

    wait_until(hearth.leaves_nothing, "a gateway outlives who started it")


def test_without_a_database_it_does_not_start_and_says_what_is_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hearth.cli.main", "gateway"],
        env=environment_for(tmp_path, RunningGateway(tmp_path).port, {}),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )

    assert done.returncode == 1
    assert "`hearth up` makes it" in done.stderr
    assert done.stderr.count("\n") == 1
