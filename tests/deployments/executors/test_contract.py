"""What every executor promises; each test runs over all of them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from hearth.deployments import Executor, FakeExecutor, LocalExecutor
from hearth.engines import WorkerReport, WorkerState
from hearth.engines.adapter_calls import change_adapter
from hearth.engines.protocol import Adapter, WorkerSpec
from hearth.errors import SetupError

LIMIT_S = 30.0
ADAPTER = Adapter(name="accounts/test/models/new", digest="5" * 64)


class Watched:
    """An executor, and what it reports of one worker."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.reports: list[WorkerReport] = []
        self._news = asyncio.Event()

    def start(self, spec: WorkerSpec) -> None:
        """Run a worker and listen."""
        self.executor.start(spec, self._on_report)

    async def until(self, holds: Callable[[WorkerReport], bool]) -> WorkerReport:
        """The first report, past or to come, for which something holds."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                for report in self.reports:
                    if holds(report):
                        return report
                self._news.clear()
                await self._news.wait()

    def _on_report(self, report: WorkerReport) -> None:
        self.reports.append(report)
        self._news.set()


@pytest.fixture(params=["fake", "local"])
async def watched(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Watched]:
    executor: Executor = FakeExecutor()
    if request.param == "local":
        executor = LocalExecutor(tmp_path, start_timeout_s=LIMIT_S)
    yield Watched(executor)
    await executor.stop("r1", 0)
    executor.close()


def spec(**more: object) -> WorkerSpec:
    fields = {"replica_id": "r1", "address": "", "engine": "fake", "model": "m"} | more
    return WorkerSpec(**fields)  # type: ignore[arg-type]


def is_ready(report: WorkerReport) -> bool:
    return report.state is WorkerState.READY


async def test_a_worker_is_reported_starting_then_ready_with_an_address(watched: Watched) -> None:
    watched.start(spec())
    assert watched.executor.is_running("r1")

    ready = await watched.until(is_ready)

    assert watched.reports[0].state is WorkerState.STARTING
    assert ready.address.startswith("unix://")


async def test_a_stopped_worker_is_reported_and_forgotten(watched: Watched) -> None:
    watched.start(spec())
    await watched.until(is_ready)

    await watched.executor.stop("r1", 5)

    assert watched.reports[-1].state is WorkerState.STOPPED
    assert not watched.executor.is_running("r1")
    await watched.executor.stop("r1", 5)  # again is fine


async def test_a_worker_stopped_before_it_was_ready_never_is(watched: Watched) -> None:
    watched.start(spec())

    await watched.executor.stop("r1", 0)
    await asyncio.sleep(0)

    assert not any(is_ready(report) for report in watched.reports)


async def test_an_adapter_that_was_loaded_is_there_when_the_worker_comes_back(
    watched: Watched,
) -> None:
    watched.start(spec())
    await watched.until(is_ready)

    await watched.executor.change_adapter("r1", ADAPTER)
    await watched.executor.change_adapter("r1", replace(ADAPTER, name="other"))
    await watched.executor.change_adapter("r1", "other")

    assert await adapters_of(watched) == [ADAPTER.name]
    if isinstance(watched.executor, LocalExecutor):
        first = await watched.until(is_ready)
        watched.reports.clear()
        os.kill(first.pid, signal.SIGKILL)
        await watched.until(is_ready)
        assert await adapters_of(watched) == [ADAPTER.name]


async def test_a_worker_that_does_not_run_loads_nothing(watched: Watched) -> None:
    with pytest.raises(SetupError):
        await watched.executor.change_adapter("r1", ADAPTER)


async def adapters_of(watched: Watched) -> list[str]:
    """What the worker has loaded, as it says itself."""
    if isinstance(watched.executor, FakeExecutor):
        return [each.name for each in watched.executor.specs["r1"].adapters]
    ready = await watched.until(is_ready)
    return [each.name for each in await change_adapter(ready.address, "none of these")]


async def test_an_id_that_nobody_knows_is_not_running(watched: Watched) -> None:
    await watched.executor.stop("unknown", 0)

    assert not watched.executor.is_running("unknown")


async def test_a_worker_that_cannot_start_is_reported_with_the_reason(watched: Watched) -> None:
    async def break_it(executor: FakeExecutor) -> None:
        await watched.until(is_ready)
        executor.fail("r1", "no such option")

    breaks: Awaitable[None] | None = None
    if isinstance(watched.executor, FakeExecutor):
        watched.start(spec())
        breaks = break_it(watched.executor)
    else:
        watched.start(spec(options={"colour": "red"}))
    if breaks is not None:
        await breaks

    failed = await watched.until(lambda report: report.state is WorkerState.FAILED)

    assert "option" in failed.message or "colour" in failed.message
    assert watched.executor.is_running("r1")


async def test_a_local_worker_that_is_killed_is_ready_again_at_the_same_address(
    tmp_path: Path,
) -> None:
    watched = Watched(LocalExecutor(tmp_path, start_timeout_s=LIMIT_S))
    watched.start(spec())
    first = await watched.until(is_ready)

    os.kill(first.pid, signal.SIGKILL)
    second = await watched.until(lambda r: is_ready(r) and r.pid != first.pid)

    assert second.address == first.address
    await watched.executor.stop("r1", 0)
    watched.executor.close()
