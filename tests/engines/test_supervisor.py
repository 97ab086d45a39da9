"""The supervisor over real worker processes: restarts, states, draining, ending."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hearth.engines.protocol import WorkerSpec
from hearth.engines.supervisor import Supervisor, WorkerReport, WorkerState
from tests.engines.worker_process import LIMIT_S, Client, ask, endless, fake_spec

READY, FAILED, STARTING = WorkerState.READY, WorkerState.FAILED, WorkerState.STARTING


class Supervised:
    """A supervisor and every report it made."""

    def __init__(self, spec: WorkerSpec, *, start_timeout_s: float = LIMIT_S) -> None:
        self.reports: asyncio.Queue[WorkerReport] = asyncio.Queue()
        self.times: list[float] = []
        self.supervisor = Supervisor(
            spec, start_timeout_s=start_timeout_s, on_report=self._on_report
        )

    def _on_report(self, report: WorkerReport) -> None:
        self.reports.put_nowait(report)

    async def next(self, state: WorkerState) -> WorkerReport:
        """Wait for the next report of a state."""
        async with asyncio.timeout(LIMIT_S):
            while (report := await self.reports.get()).state is not state:
                pass
            return report


@asynccontextmanager
async def supervised(spec: WorkerSpec, **options: float) -> AsyncIterator[Supervised]:
    each = Supervised(spec, **options)
    each.supervisor.start()
    try:
        yield each
    finally:
        await each.supervisor.stop(0)


async def test_a_worker_is_reported_starting_then_ready(tmp_path: Path) -> None:
    async with supervised(fake_spec(tmp_path)) as worker:
        first = await worker.reports.get()
        ready = await worker.next(READY)

        assert first.state is STARTING
        client = await Client().connect(ready.address)
        assert (await client.run(ask(max_tokens=5))).usage is not None
        client.connection.close()


async def test_a_killed_worker_is_back_within_two_seconds(tmp_path: Path) -> None:
    async with supervised(fake_spec(tmp_path)) as worker:
        first = await worker.next(READY)
        client = await Client().connect(first.address)
        await client.begun(client.generate(endless()))

        os.kill(first.pid, signal.SIGKILL)
        async with asyncio.timeout(2):
            ended = await worker.next(STARTING)
            second = await worker.next(READY)

        await client.wait(lambda: client.is_lost)
        assert ended.message == "killed by SIGKILL"
        assert second.pid != first.pid
        again = await Client().connect(second.address)
        assert (await again.run(ask(max_tokens=5))).usage is not None
        again.connection.close()


async def test_a_worker_that_keeps_dying_is_started_ever_more_slowly(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with supervised(fake_spec(tmp_path, options={"colour": "red"})) as worker:
        times = []
        for _ in range(3):
            await worker.next(FAILED)
            failed_at = loop.time()
            await worker.next(STARTING)
            times.append(loop.time() - failed_at)

    assert 0.15 < times[0] < times[1] < times[2]
    assert times[2] > 3 * times[0]


async def test_a_start_that_fails_is_reported_with_its_reason(tmp_path: Path) -> None:
    async with supervised(fake_spec(tmp_path, options={"colour": "red"})) as worker:
        failed = await worker.next(FAILED)

        assert "colour" in failed.message
        assert failed.address == ""


async def test_a_worker_that_is_not_ready_in_time_is_ended(tmp_path: Path) -> None:
    async with supervised(fake_spec(tmp_path), start_timeout_s=0.01) as worker:
        failed = await worker.next(FAILED)

        assert "not ready within" in failed.message


async def test_stop_lets_what_runs_finish(tmp_path: Path) -> None:
    worker = Supervised(fake_spec(tmp_path, options={"step_s": 0.01}))
    worker.supervisor.start()
    ready = await worker.next(READY)
    client = await Client().connect(ready.address)
    request = client.generate(ask(ignore_eos=True, max_tokens=60))
    await client.begun(request)

    await worker.supervisor.stop(LIMIT_S)

    reply = await client.over(request)
    assert reply.num_tokens == 60
    await worker.next(WorkerState.STOPPED)
    assert not _is_alive(ready.pid)


async def test_stop_ends_what_does_not_finish_in_time(tmp_path: Path) -> None:
    worker = Supervised(fake_spec(tmp_path, options={"step_s": 0.01}))
    worker.supervisor.start()
    ready = await worker.next(READY)
    client = await Client().connect(ready.address)
    request = client.generate(endless())
    await client.begun(request)

    async with asyncio.timeout(5):
        await worker.supervisor.stop(0.1)

    await client.wait(lambda: client.is_lost)
    assert not _is_alive(ready.pid)


async def test_stop_during_a_start_leaves_no_process(tmp_path: Path) -> None:
    worker = Supervised(fake_spec(tmp_path))
    worker.supervisor.start()
    await worker.next(STARTING)

    await worker.supervisor.stop(0)

    assert _children() == []


async def test_stop_during_a_backoff_ends_the_restarts(tmp_path: Path) -> None:
    worker = Supervised(fake_spec(tmp_path, options={"colour": "red"}))
    worker.supervisor.start()
    await worker.next(FAILED)

    await worker.supervisor.stop(0)

    assert (await worker.next(WorkerState.STOPPED)).message == ""
    assert worker.reports.empty()
    assert _children() == []


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _children() -> list[str]:
    """The pids of this process's workers that still run."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [pid for pid in children if b"hearth.engines.worker" in _command(pid)]


def _command(pid: str) -> bytes:
    """The command line of a process; empty once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
