"""How long deployments take to come, go and come back: with the real engine, on an idle machine."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from benchmarks import hearth_server
from benchmarks.figures import Figure
from benchmarks.processes import Process, free_port

MODEL = "accounts/fireworks/models/smollm2-135m-instruct"
LIMIT_S = 60.0
LOOK_S = 0.02  # between two looks
ENGINE = {"HEARTH_ENGINE_THREADS": "1", "HEARTH_ENGINE_SLOTS": "4", "HEARTH_PREFETCH_MODELS": ""}


class DeploymentRun(Struct, kw_only=True):
    """Wall seconds: what is promised here is the wait itself."""

    created_s: float = 0.0
    up_s: float = 0.0
    "From one replica to four, all ready."
    down_s: float = 0.0
    "And back, until the last of them has ended."
    updated_s: float = 0.0
    "Until every replica of one is replaced."
    woken_s: float = 0.0
    "From the first request at zero, which is refused, to an answer."
    worker_back_s: float = 0.0
    "From kill -9 of its only worker to an answer."
    hearth_back_s: float = 0.0
    "From the start after kill -9 of everything to an answer of the deployment."


class _Platform:
    """One Hearth and its deployment `bench`."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}/v1"
        self._key = hearth_server.api_key(hearth_server.HOME, port)
        self._path = "/accounts/dev/deployments"

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and JSON of an answer. Any: whatever the route answers."""
        request = urllib.request.Request(
            self._base + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Bearer {self._key}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def create(self) -> None:
        """Make it anew, when nothing runs that a run before this one left."""
        self.call("DELETE", f"{self._path}/bench?ignoreChecks=true")
        wait(lambda: not self.replicas(), "the last run's replicas stay")
        self.call("DELETE", f"{self._path}/bench?hard=true&ignoreChecks=true")
        body = {"baseModel": MODEL, "maxReplicaCount": 4}
        status, made = self.call("POST", f"{self._path}?deploymentId=bench", body)
        assert status == 200, made

    def replicas(self) -> list[dict[str, Any]]:
        """Its replicas, those that drain among them."""
        status, told = self.call("GET", f"{self._path}/bench:explain")
        replicas: list[dict[str, Any]] = told["replicas"] if status == 200 else []
        return replicas

    def wait_ready(self, count: int) -> float:
        """Wait until there are so many, all ready and none on its way out."""

        def is_so() -> bool:
            states = [each["state"] for each in self.replicas()]
            return states == ["READY"] * count

        return wait(is_so, f"never {count} replicas")

    def scale(self, count: int) -> None:
        """Have so many."""
        self.call("PATCH", f"{self._path}/bench:scale", {"replicaCount": count})

    def update(self, **fields: object) -> None:
        """Change it."""
        self.call("PATCH", f"{self._path}/bench", fields)

    def asked(self) -> bool:
        """Whether it answers a small request."""
        body = {
            "model": "accounts/dev/deployments/bench",
            "messages": [{"role": "user", "content": "Hi"}],
            "max_tokens": 1,
        }
        return self.call("POST", "/chat/completions", body)[0] == 200


def wait(condition: Callable[[], bool], complaint: str) -> float:
    """Look again and again until it holds; return how long that took."""
    began_s = time.perf_counter()
    while not condition():
        assert time.perf_counter() - began_s < LIMIT_S, complaint
        time.sleep(LOOK_S)
    return time.perf_counter() - began_s


def run() -> DeploymentRun:
    """Measure one after the other."""
    hearth_server.pulled(MODEL.rpartition("/")[2])
    measured = DeploymentRun()
    port = free_port()
    with _started(port) as process:
        platform = _Platform(port)
        platform.create()
        measured.created_s = platform.wait_ready(1)
        platform.scale(4)
        measured.up_s = platform.wait_ready(4)
        platform.scale(1)
        measured.down_s = platform.wait_ready(1)
        measured.updated_s = _update(platform)
        measured.worker_back_s = _kill_worker(platform, process)
        platform.scale(0)
        platform.wait_ready(0)
        measured.woken_s = wait(platform.asked, "it never wakes")
        process.end(signal.SIGKILL)
    began_s = time.perf_counter()
    with _started(port):
        wait(platform.asked, "it never comes back")
        measured.hearth_back_s = time.perf_counter() - began_s
        platform.call("DELETE", "/accounts/dev/deployments/bench?hard=true&ignoreChecks=true")
    print(f"deployments: {measured}")
    return measured


def _started(port: int) -> Process:
    process = hearth_server.start_up(port, **ENGINE)
    limit_s = hearth_server.FIRST_START_LIMIT_S
    process.wait_until(f"127.0.0.1:{port}", hearth_server.READY, limit_s=limit_s)
    return process


def _update(platform: _Platform) -> float:
    (before,) = platform.replicas()
    platform.update(engineOptions={"slots": 3})
    began_s = time.perf_counter()
    wait(lambda: before["id"] not in [e["id"] for e in platform.replicas()], "it stays")
    platform.wait_ready(1)
    return time.perf_counter() - began_s


def _kill_worker(platform: _Platform, process: Process) -> float:
    os.kill(max(_workers(process.pid)), signal.SIGKILL)  # the newest is the deployment's
    return wait(platform.asked, "no worker takes its place")


def _workers(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [
        int(child)
        for child in children
        if b"hearth.engines.worker" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def _at_most(
    name: str, target: float, measure: Callable[[DeploymentRun], float]
) -> Figure[DeploymentRun]:
    return Figure(name=name, unit="s", target=target, direction="at most", measure=measure)


FIGURES: list[Figure[DeploymentRun]] = [
    _at_most("deployment: created", 5.0, lambda run: run.created_s),
    _at_most("deployment: one replica to four", 10.0, lambda run: run.up_s),
    _at_most("deployment: four replicas to one", 5.0, lambda run: run.down_s),
    _at_most("deployment: updated", 8.0, lambda run: run.updated_s),
    _at_most("deployment: woken from zero", 5.0, lambda run: run.woken_s),
    _at_most("deployment: back after its worker was killed", 3.0, lambda run: run.worker_back_s),
    _at_most("deployment: back after everything was killed", 8.0, lambda run: run.hearth_back_s),
]
