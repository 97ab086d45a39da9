"""The worker process's life: how it starts, drains, and dies."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from tests.engines.worker_process import (
    LIMIT_S,
    Client,
    Worker,
    ask,
    endless,
    fake_spec,
    running_worker,
)


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[Worker]:
    async with running_worker(fake_spec(tmp_path)) as worker:
        yield worker


@pytest.fixture
async def slow_worker(tmp_path: Path) -> AsyncIterator[Worker]:
    async with running_worker(fake_spec(tmp_path, options={"step_s": 0.01})) as worker:
        yield worker


async def test_it_listens_on_tcp_too(tmp_path: Path) -> None:
    async with running_worker(fake_spec(tmp_path, address="tcp://127.0.0.1:0")) as worker:
        client = await worker.connect()

        assert not worker.ready.address.endswith(":0")
        assert (await client.run(ask(max_tokens=5))).usage is not None


async def test_its_socket_is_closed_to_other_users(worker: Worker) -> None:
    path = worker.ready.address.removeprefix("unix://")

    assert os.stat(path).st_mode & 0o777 == 0o600


async def test_sigterm_lets_what_runs_finish_and_takes_nothing_new(slow_worker: Worker) -> None:
    client = await slow_worker.connect()
    running = client.generate(ask(ignore_eos=True, max_tokens=100))
    await client.begun(running)

    slow_worker.process.send_signal(signal.SIGTERM)
    refused = await _first_refusal(client)
    reply = await client.over(running)

    assert refused == "draining"
    assert reply.finish() == "length"
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 100
    assert await slow_worker.ended() == 0
    assert os.listdir(slow_worker.ready.address.removeprefix("unix://").rpartition("/")[0]) == []


async def _first_refusal(client: Client) -> str:
    """Ask until it is refused: the signal takes a moment to arrive."""
    async with asyncio.timeout(LIMIT_S):
        while (reply := await client.run(ask(max_tokens=1))).failure is None:
            pass
    return reply.failure.kind


async def test_an_idle_worker_ends_at_once_on_sigterm(worker: Worker) -> None:
    worker.process.send_signal(signal.SIGTERM)

    assert await worker.ended() == 0


async def test_a_client_that_stays_connected_does_not_hold_up_the_end(worker: Worker) -> None:
    client = await worker.connect()

    worker.process.send_signal(signal.SIGTERM)

    await client.wait(lambda: client.is_lost)
    assert await worker.ended() == 0


async def test_sigint_is_ignored(worker: Worker) -> None:
    client = await worker.connect()

    worker.process.send_signal(signal.SIGINT)

    assert (await client.run(ask(max_tokens=5))).usage is not None


async def test_it_dies_when_its_standard_input_closes_even_while_busy(worker: Worker) -> None:
    client = await worker.connect()
    await client.begun(client.generate(endless()))
    assert worker.process.stdin is not None

    worker.process.stdin.close()

    assert await worker.ended() == 0


def test_it_dies_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys\n"
        "worker = subprocess.Popen([sys.executable, '-m', 'hearth.engines.worker'],\n"
        "    stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "worker.stdin.write(sys.argv[1].encode() + b'\\n'); worker.stdin.flush()\n"
        "worker.stdout.readline(); print(worker.pid, flush=True); worker.wait()\n"
    )
    spec = msgspec.json.encode(fake_spec(tmp_path)).decode()
    parent = subprocess.Popen(
        [sys.executable, "-c", program, spec], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    watched = os.pidfd_open(pid)

    parent.kill()
    parent.wait(LIMIT_S)

    assert select.select([watched], [], [], LIMIT_S)[0]
    os.close(watched)
    parent.stdout.close()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"options": {"colour": "red"}}, "colour"),
        ({"address": "unix:///nowhere/at/all/worker.sock"}, "/nowhere/at/all"),
        ({"address": "tcp://127.0.0.1:{taken}"}, "{taken}"),
        ({"engine": "llamacpp", "path": "/nowhere/model.gguf"}, "/nowhere/model.gguf"),
    ],
    ids=["unknown option", "no such folder", "port in use", "no weights"],
)
async def test_what_keeps_it_from_starting_is_one_line(
    tmp_path: Path, fields: dict[str, object], said: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        text = json.dumps(fields).replace("{taken}", port)
        async with running_worker(fake_spec(tmp_path, **json.loads(text))) as worker:
            assert said.replace("{taken}", port) in worker.ready.error
            assert "\n" not in worker.ready.error
            assert await worker.ended() == 1


@pytest.mark.parametrize("line", [b"", b"{", b"[1]", b'{"replica_id": "r"}'])
def test_a_bad_spec_is_one_line_too(line: bytes) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "hearth.engines.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )

    out, err = process.communicate(line + b"\n", LIMIT_S)

    assert process.returncode == 1
    assert "spec" in json.loads(out)["error"]
    assert b"Traceback" not in err
