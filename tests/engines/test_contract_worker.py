"""The contract of all engines, on engines behind a real worker process and its protocol."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
import pytest

from hearth.engines.protocol import Delta, Failure, GenerateRequest, Hello, Stats, WorkerSpec
from hearth.engines.wire import Connection, FrameType, Payload
from tests.engines import test_contract as contract
from tests.engines.conftest import Subject, llama_spec, native_spec
from tests.engines.driving import Driver
from tests.engines.test_contract import endless
from tests.engines.worker_process import running_worker

tests = {
    name: value
    for name, value in vars(contract).items()
    # Figures of a worker come with a pong, not at once; the last test here asks for them.
    if name.startswith("test_") and "stats()" not in inspect.getsource(value)
}
globals().update(tests)

PLENTY = 1_000_000  # of credit: what it does is a test of the worker's own


class BehindWorker:
    """An `Engine` whose every call crosses the process border."""

    def __init__(self) -> None:
        self.connection = Connection(self._on_frame, lambda _: None)
        self._hello: Hello | None = None
        self._stats = Stats()
        self._ponged = asyncio.Event()
        self._news: list[Delta | tuple[int, Failure]] = []
        self._arrived = asyncio.Event()

    async def connect(self, address: str) -> None:
        path = address.removeprefix("unix://")
        await asyncio.get_running_loop().create_unix_connection(lambda: self.connection, path)
        await self.ping()  # the hello comes before the pong

    def hello(self) -> Hello:
        assert self._hello is not None
        return self._hello

    def add(self, request_id: int, request: GenerateRequest) -> None:
        generous = msgspec.structs.replace(request, credit=PLENTY)
        self.connection.send(FrameType.GENERATE, request_id, generous)

    def cancel(self, request_id: int) -> None:
        self.connection.send(FrameType.CANCEL, request_id)

    async def step(self) -> Sequence[Delta | tuple[int, Failure]]:
        await self._arrived.wait()
        self._arrived.clear()
        news, self._news = self._news, []
        if any(not isinstance(item, Delta) or item.usage for item in news):
            await self.ping()  # so that `stats` knows what has ended
        return news

    def stats(self) -> Stats:
        return self._stats

    async def close(self) -> None:
        self.connection.close()

    async def ping(self) -> None:
        self._ponged.clear()
        self.connection.send(FrameType.PING)
        await asyncio.wait_for(self._ponged.wait(), 20)

    def _on_frame(self, kind: FrameType, request: int, payload: Payload) -> None:
        if kind is FrameType.HELLO:
            self._hello = msgspec.msgpack.decode(payload, type=Hello)
        elif kind is FrameType.PONG:
            self._stats = msgspec.msgpack.decode(payload, type=Stats)
            self._ponged.set()
        elif kind is FrameType.STEP:
            self._news += msgspec.msgpack.decode(payload, type=list[Delta])
            self._arrived.set()
        elif kind is FrameType.FAILED:
            self._news.append((request, msgspec.msgpack.decode(payload, type=Failure)))
            self._arrived.set()


@asynccontextmanager
async def behind_worker(spec: WorkerSpec) -> AsyncIterator[Subject]:
    async with running_worker(spec) as worker:
        engine = BehindWorker()
        await engine.connect(worker.ready.address)
        yield Subject(engine=engine, slots=spec.slots, context=spec.context_tokens)
        await engine.close()


@pytest.fixture(params=["fake", "llamacpp", "native"])
def make_spec(
    request: pytest.FixtureRequest, tmp_path: Path, tiny_model: Path
) -> partial[WorkerSpec]:
    address = f"unix://{tmp_path}/w.sock"
    make_spec = native_spec if request.param == "native" else llama_spec
    return partial(make_spec, tiny_model, engine=request.param, address=address)


@pytest.fixture
async def subject(make_spec: partial[WorkerSpec]) -> AsyncIterator[Subject]:
    async with behind_worker(make_spec(slots=2, context_tokens=512)) as subject:
        yield subject


@pytest.fixture
async def one_slot(make_spec: partial[WorkerSpec]) -> AsyncIterator[Subject]:
    async with behind_worker(make_spec(slots=1, context_tokens=4096)) as subject:
        yield subject


def test_nearly_the_whole_contract_is_run() -> None:
    assert len(tests) >= 16


async def test_a_thousand_cancels_leave_nothing_running(subject: Subject) -> None:
    engine = subject.engine
    assert isinstance(engine, BehindWorker)
    driver = Driver(engine)

    for request in range(1, 1001):
        driver.add(request, endless(subject))
        if request % 4:  # every fourth is cancelled before it gets anywhere
            await driver.until_tokens(request)
        engine.cancel(request)
        await driver.until_over(request)

    await engine.ping()
    stats = engine.stats()
    assert (stats.running, stats.waiting, stats.kv_used_tokens) == (0, 0, 0)
