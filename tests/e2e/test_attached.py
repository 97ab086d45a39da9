"""One Hearth behind another: what `hearth attach` makes callable, through to the far engine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.running import RunningHearth, running_hearth

MODEL = "smollm2-135m-instruct"
CHAT = {"messages": [{"role": "user", "content": "Tell me of the snow."}], "seed": 5, "n": 2}


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    with running_hearth(tmp_path_factory.mktemp("far")) as running:
        yield running


@pytest.fixture(scope="module")
def near(far: RunningHearth, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    os.environ["FAR_KEY"] = far.credentials["api_key"]  # what `hearth up` starts with
    try:
        with running_hearth(tmp_path_factory.mktemp("near")) as running:
            yield running
    finally:
        del os.environ["FAR_KEY"]


def hearth(home: Path, *arguments: str) -> str:
    """Run a command on a home that is in use."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("HEARTH_")}
    command = [sys.executable, "-m", "hearth.cli.main", *arguments]
    environ["HEARTH_HOME"] = str(home)
    done = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def ask(running: RunningHearth, model: str, **fields: Any) -> httpx.Response:  # Any: JSON
    with running.client() as http:
        return http.post("/chat/completions", json={"model": model, **CHAT, **fields})


def test_an_attached_model_answers_as_the_far_one_does_until_it_is_detached(
    near: RunningHearth, far: RunningHearth
) -> None:
    url = f"{far.url}/inference/v1"
    said = hearth(near.home, "attach", "distant", "--url", url, "--model", MODEL,
                  "--api-key-env", "FAR_KEY")  # fmt: skip

    here, there = ask(near, "distant"), ask(far, MODEL)
    with near.client() as http:
        shown = http.get("/models/distant").json()
    hearth(near.home, "detach", "distant")
    deadline = time.monotonic() + 10
    while (gone := ask(near, "distant")).status_code == 200:  # until the gateway looks again
        assert time.monotonic() < deadline

    assert "distant" in said
    assert here.status_code == 200, here.text
    assert here.json()["choices"] == there.json()["choices"]
    assert here.json()["usage"] == there.json()["usage"]
    assert shown["callable"]
    assert shown["served_by"].endswith("/models/distant")
    assert gone.status_code == 404


def test_the_far_ones_refusal_reaches_the_client(near: RunningHearth, far: RunningHearth) -> None:
    url = f"{far.url}/inference/v1"
    hearth(near.home, "attach", "other", "--url", url, "--model", MODEL,
           "--api-key-env", "FAR_KEY")  # fmt: skip

    refused = ask(near, "other", mirostat_target=2.0)

    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "mirostat_target"
