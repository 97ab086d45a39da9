"""A real worker process and a bare client of its protocol."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import msgspec
from msgspec import Struct

from hearth.engines.protocol import (
    Delta,
    EmbedRequest,
    Failure,
    GenerateRequest,
    Hello,
    Message,
    Ready,
    Stats,
    Usage,
    WorkerSpec,
)
from hearth.engines.wire import Connection, FrameType, Payload

LIMIT_S = 20.0
"How long anything a worker does may take in a test."

_hello = msgspec.msgpack.Decoder(Hello)
_stats = msgspec.msgpack.Decoder(Stats)
_deltas = msgspec.msgpack.Decoder(list[Delta])
_failure = msgspec.msgpack.Decoder(Failure)


def fake_spec(folder: Path, **fields: object) -> WorkerSpec:
    """The spec of a worker with the fake engine, listening in a folder."""
    values: dict[str, object] = {
        "replica_id": "replica-test",
        "address": f"unix://{folder}/worker.sock",
        "engine": "fake",
        "model": "accounts/test/models/fake",
        "slots": 8,
        "context_tokens": 100_000,
    }
    return msgspec.convert(values | fields, WorkerSpec)


def ask(content: str = "Tell me of the snow.", **fields: object) -> GenerateRequest:
    """A chat request with a seed."""
    values: dict[str, object] = {"messages": [Message("user", content)], "seed": 7}
    if "prompt" in fields:
        del values["messages"]
    return msgspec.convert(values | fields, GenerateRequest)


def endless(num_tokens: int = 90_000) -> GenerateRequest:
    """A request that does not end while a test runs, at the pace of a slow engine."""
    return ask(ignore_eos=True, max_tokens=num_tokens)


class Reply(Struct):
    """All that came for one request."""

    deltas: list[Delta] = []
    failure: Failure | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.failure is not None or self.usage is not None

    @property
    def usage(self) -> Usage | None:
        """Of the last delta, once it is here."""
        return self.deltas[-1].usage if self.deltas else None

    def text(self, choice: int = 0) -> str:
        """The text of a choice so far."""
        return "".join(delta.text for delta in self.deltas if delta.choice == choice)

    def finish(self, choice: int = 0) -> str | None:
        """Why a choice ended."""
        reasons = [d.finish_reason for d in self.deltas if d.choice == choice and d.finish_reason]
        assert len(reasons) <= 1
        return reasons[0] if reasons else None

    @property
    def num_tokens(self) -> int:
        """The sum over all deltas."""
        return sum(delta.num_tokens for delta in self.deltas)


class Client:
    """One connection to a worker, as a gateway would hold it."""

    def __init__(self) -> None:
        self.connection = Connection(self._on_frame, self._on_lost)
        self.hello: Hello | None = None
        self.is_lost = False
        self.pongs: list[Stats] = []
        self._replies: dict[int, Reply] = {}
        self._ids = count(1)
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    async def connect(self, address: str) -> Client:
        """Connect and wait for the hello."""
        loop = asyncio.get_running_loop()
        scheme, _, place = address.partition("://")
        if scheme == "unix":
            await loop.create_unix_connection(lambda: self.connection, place)
        else:
            host, _, port = place.rpartition(":")
            await loop.create_connection(lambda: self.connection, host, int(port))
        await self.wait(lambda: self.hello is not None or self.is_lost)
        return self

    def generate(self, request: GenerateRequest | EmbedRequest) -> int:
        """Send a request; return its id."""
        request_id = next(self._ids)
        self._replies[request_id] = Reply()
        is_text = isinstance(request, GenerateRequest)
        kind = FrameType.GENERATE if is_text else FrameType.EMBED
        self.connection.send(kind, request_id, request)
        return request_id

    def cancel(self, request_id: int) -> None:
        """Send a cancel."""
        self.connection.send(FrameType.CANCEL, request_id)

    def grant(self, request_id: int, credit: int) -> None:
        """Allow further deltas."""
        self.connection.send(FrameType.CREDIT, request_id, credit)

    def reply(self, request_id: int) -> Reply:
        """What came for a request so far."""
        return self._replies[request_id]

    async def begun(self, request_id: int) -> Reply:
        """Wait for the first delta."""
        reply = self._replies[request_id]
        await self.wait(lambda: bool(reply.deltas) or reply.is_over)
        return reply

    async def over(self, request_id: int) -> Reply:
        """Wait for the end of a request."""
        reply = self._replies[request_id]
        await self.wait(lambda: reply.is_over)
        return reply

    async def run(self, request: GenerateRequest | EmbedRequest) -> Reply:
        """Send a request and wait for its end."""
        return await self.over(self.generate(request))

    async def stats(self) -> Stats:
        """Ping and wait for the answer."""
        seen = len(self.pongs)
        self.connection.send(FrameType.PING)
        await self.wait(lambda: len(self.pongs) > seen)
        return self.pongs[-1]

    async def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until something that came makes a condition true."""
        async with asyncio.timeout(LIMIT_S), self._changed:
            await self._changed.wait_for(condition)

    def _on_frame(self, kind: FrameType, request: int, payload: Payload) -> None:
        if kind is FrameType.HELLO:
            self.hello = _hello.decode(payload)
        elif kind is FrameType.PONG:
            self.pongs.append(_stats.decode(payload))
        elif kind is FrameType.FAILED:
            self._replies[request].failure = _failure.decode(payload)
        elif kind is FrameType.STEP:
            for delta in _deltas.decode(payload):
                self._replies[delta.request].deltas.append(delta)
        self._notify()

    def _on_lost(self, _: Exception | None) -> None:
        self.is_lost = True
        self._notify()

    def _notify(self) -> None:
        task = asyncio.create_task(self._wake())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()


class Worker:
    """A started worker process."""

    def __init__(self, process: Process, ready: Ready) -> None:
        self.process = process
        self.ready = ready
        self._clients: list[Client] = []

    async def connect(self) -> Client:
        """Open another connection to it."""
        client = await Client().connect(self.ready.address)
        self._clients.append(client)
        return client

    async def ended(self) -> int:
        """Wait for its end; return its status."""
        return await asyncio.wait_for(self.process.wait(), LIMIT_S)

    async def close(self) -> None:
        """Hang up and kill it."""
        for client in self._clients:
            client.connection.close()
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


async def start_worker(line: bytes, environ: dict[str, str] | None = None) -> Process:
    """Start a worker process with this as its first line of input."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "hearth.engines.worker"),
        stdin=PIPE,
        stdout=PIPE,
        env=os.environ | (environ or {}),
    )
    assert process.stdin is not None
    process.stdin.write(line + b"\n")
    return process


@asynccontextmanager
async def running_worker(
    spec: WorkerSpec, environ: dict[str, str] | None = None
) -> AsyncIterator[Worker]:
    """Run a worker for the length of a block; it may have refused to start."""
    process = await start_worker(msgspec.json.encode(spec), environ)
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), LIMIT_S)
    worker = Worker(process, msgspec.json.decode(line or b"{}", type=Ready))
    try:
        yield worker
    finally:
        await worker.close()
