"""Clients that stream from a deployment without a pause, and note whatever went wrong."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx

LIMIT_S = 30.0

Json = dict[str, Any]


class Served(Protocol):
    """What answers: a gateway, with or without a controller."""

    port: int
    url: str
    home: Path


def key_of(served: Served) -> str:
    """The dev key of its home."""
    key: str = json.loads((served.home / "credentials.json").read_text())["api_key"]
    return key


class Traffic:
    """So many streams at any time."""

    def __init__(self, hearth: Served, model: str, num_clients: int) -> None:
        self.finished = 0
        self.faults: list[str] = []
        "What was not a whole answer: refusals with their reason, cut streams."
        self._body = {
            "model": model,
            "messages": [{"role": "user", "content": "Talk."}],
            "max_tokens": 20,
            "ignore_eos": True,
            "stream": True,
        }
        self._port = hearth.port
        self._key = key_of(hearth)
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self.threads = [threading.Thread(target=self._ask) for _ in range(num_clients)]

    def end(self) -> None:
        """Let every client finish its stream."""
        self._ending.set()
        for thread in self.threads:
            thread.join(LIMIT_S)
            assert not thread.is_alive(), "a request hangs"

    def _ask(self) -> None:
        while not self._ending.is_set():
            fault = self._stream()
            with self._lock:
                if fault:
                    self.faults.append(fault)
                else:
                    self.finished += 1
            if fault:
                time.sleep(0.1)  # as a client that backs off

    def _stream(self) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=LIMIT_S)
        try:
            headers = {"Authorization": f"Bearer {self._key}"}
            path = "/v1/chat/completions"
            connection.request("POST", path, json.dumps(self._body), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            return f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        is_whole = answer.status == 200 and text.rstrip().endswith("data: [DONE]")
        return "" if is_whole and '"error"' not in text else f"{answer.status}: {text[-300:]}"


@contextmanager
def traffic(hearth: Served, model: str, *, num_clients: int = 6) -> Iterator[Traffic]:
    """Traffic for the length of a block; it has begun when the block does."""
    running = Traffic(hearth, model, num_clients)
    for thread in running.threads:
        thread.start()
    try:
        wait_until(lambda: running.finished > 0 or bool(running.faults), "nothing is answered")
        yield running
    finally:
        running.end()


def wait_until(condition: Callable[[], bool], complaint: str, limit_s: float = LIMIT_S) -> float:
    """Look again and again until it holds; return how long that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < limit_s, complaint
        time.sleep(0.03)  # between two looks
    return time.monotonic() - began


class Deployments:
    """The deployments of the dev account, over HTTP."""

    def __init__(self, hearth: Served) -> None:
        self.api = httpx.Client(
            base_url=f"{hearth.url}/v1/accounts/dev",
            headers={"Authorization": f"Bearer {key_of(hearth)}"},
            timeout=LIMIT_S,
        )

    def create(self, deployment_id: str, **fields: object) -> Json:
        """Make one, of the fake engine unless a model is named."""
        body = {"baseModel": "smollm2-135m-instruct"} | fields
        answer = self.api.post("/deployments", params={"deploymentId": deployment_id}, json=body)
        assert answer.status_code == 200, answer.text
        made: Json = answer.json()
        return made

    def get(self, deployment_id: str) -> Json:
        """As it stands."""
        found: Json = self.api.get(f"/deployments/{deployment_id}").json()
        return found

    def update(self, deployment_id: str, **fields: object) -> Json:
        """Change fields."""
        answer = self.api.patch(f"/deployments/{deployment_id}", json=fields)
        assert answer.status_code == 200, answer.text
        changed: Json = answer.json()
        return changed

    def scale(self, deployment_id: str, count: int) -> None:
        """Have so many replicas."""
        answer = self.api.patch(f"/deployments/{deployment_id}:scale", json={"replicaCount": count})
        assert answer.status_code == 200, answer.text

    def replicas(self, deployment_id: str) -> list[Json]:
        """Its replicas as `:explain` tells them."""
        told: list[Json] = self.api.get(f"/deployments/{deployment_id}:explain").json()["replicas"]
        return told

    def metrics(self, deployment_id: str) -> dict[str, float]:
        """What it does now."""
        told: dict[str, float] = self.api.get(f"/deployments/{deployment_id}:metrics").json()[
            "metrics"
        ]
        return told

    def wait_ready(self, deployment_id: str, count: int) -> float:
        """Wait until it has so many replicas, all of them ready; return how long that took."""

        def is_so() -> bool:
            each = self.get(deployment_id)
            ready = each["replicaStats"]["readyReplicaCount"]
            return bool(each["state"] == "READY" and ready == count == each["replicaCount"])

        return wait_until(is_so, f"{self.get(deployment_id)}")
