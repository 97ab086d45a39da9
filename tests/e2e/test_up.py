"""`hearth up` as a person meets it: the welcome, the pasted curl, and Ctrl-C."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.commands import hearth_command
from tests.engines.models import smollm2_path
from tests.gateway.test_chat import ASK
from tests.running import RunningHearth, running_hearth

LIMIT_S = 30
LONG = ASK | {"stream": True, "ignore_eos": True, "max_tokens": 5_000}


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    with running_hearth(tmp_path_factory.mktemp("fake")) as hearth:
        yield hearth


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    """With SmolLM2, as a user has it."""
    home = tmp_path_factory.mktemp("real")
    source = [f"file:{smollm2_path()}", "--as", "smollm2-135m-instruct", "--account", "fireworks"]
    pulled = hearth_command(home, "pull", *source)
    assert pulled.returncode == 0, pulled.stderr
    sizes = {"engine_threads": "1", "engine_slots": "2", "engine_context_tokens": "512"}
    with running_hearth(home, engine="auto", **sizes) as hearth:
        yield hearth


@pytest.mark.parametrize("which", ["fake", "real"])
def test_the_welcome_shows_a_real_answer_and_a_curl_that_works_when_pasted(
    request: pytest.FixtureRequest, which: str
) -> None:
    hearth: RunningHearth = request.getfixturevalue(which)
    shown = "".join(hearth.output)

    curl = re.search(r"Try +(curl .*?)\n\n", shown, re.DOTALL)
    assert curl is not None, shown
    pasted = subprocess.run(
        ["sh", "-c", curl[1]], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )

    assert f"Hearth is ready at {hearth.url} after" in shown
    assert re.search(r"\d+ tokens at \d+ tokens/s", shown)
    assert hearth.credentials["api_key"] in shown
    answer = json.loads(pasted.stdout)
    assert answer["choices"][0]["message"]["content"]
    assert answer["usage"]["completion_tokens"] > 0


def test_the_exports_of_env_point_a_client_here(fake: RunningHearth) -> None:
    names = ["FIREWORKS_API_KEY", "FIREWORKS_ACCOUNT_ID", "FIREWORKS_BASE_URL",
             "FIREWORKS_API_BASE", "OPENAI_API_KEY", "OPENAI_BASE_URL"]  # fmt: skip
    show = "".join(f'echo "{name}=${name}";' for name in names)
    script = f"eval $({sys.executable} -m hearth.cli.main env); {show}"

    done = subprocess.run(
        ["sh", "-euc", script],
        env={"HEARTH_HOME": str(fake.home)},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )

    got = dict(line.split("=", 1) for line in done.stdout.splitlines())
    key = fake.credentials["api_key"]
    assert got["FIREWORKS_API_KEY"] == got["OPENAI_API_KEY"] == key
    assert got["FIREWORKS_ACCOUNT_ID"] == "dev"
    assert got["FIREWORKS_BASE_URL"] == fake.url
    answered = httpx.get(
        f"{got['OPENAI_BASE_URL']}/models", headers={"Authorization": f"Bearer {key}"}
    )
    assert answered.status_code == 200


def test_ctrl_c_lets_a_running_stream_finish_and_leaves_no_process(tmp_path: Path) -> None:
    with running_hearth(tmp_path) as hearth, hearth.client() as api:
        with api.stream("POST", "/chat/completions", json=LONG) as response:
            lines = response.iter_lines()
            next(lines)

            hearth.interrupt()
            rest = [line for line in lines if line]

        assert rest[-1] == "data: [DONE]"
        usage = json.loads(rest[-2].removeprefix("data: "))["usage"]
        assert usage["completion_tokens"] == LONG["max_tokens"]
        assert hearth.stop() == 0
        assert hearth.leaves_nothing()
        assert "Traceback" not in "".join(hearth.output)


def wait_until_draining(hearth: RunningHearth) -> None:
    """Wait until it takes no new connection."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", hearth.port), timeout=LIMIT_S).close()
        except ConnectionError:  # refused, or reset while the port was being closed
            return
    raise AssertionError("it still takes connections")


def test_a_second_ctrl_c_cuts_what_still_runs(tmp_path: Path) -> None:
    endless = LONG | {"max_tokens": 900_000}
    with running_hearth(tmp_path) as hearth, hearth.client() as api:
        with api.stream("POST", "/chat/completions", json=endless) as response:
            lines = response.iter_lines()
            next(lines)
            hearth.interrupt()
            wait_until_draining(hearth)
            assert next(line for line in lines if line)  # the first Ctrl-C has not cut it

            hearth.interrupt()

            assert hearth.process.wait(10) == 0
        assert hearth.leaves_nothing()
        assert "Traceback" not in "".join(hearth.output)


def test_ctrl_c_before_it_is_ready_ends_it_cleanly(tmp_path: Path) -> None:
    hearth = RunningHearth(tmp_path)
    try:
        deadline = time.monotonic() + LIMIT_S
        while not (tmp_path / "lock").exists():  # it has begun to start
            assert time.monotonic() < deadline

        assert hearth.stop() == 0

        assert hearth.leaves_nothing()
        assert "Traceback" not in "".join(hearth.output)
        assert "ready" not in "".join(hearth.output)
    finally:
        hearth.kill()
    with running_hearth(tmp_path):
        pass  # what was begun is no obstacle
