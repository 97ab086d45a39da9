"""Processes that are killed: a gateway's metering under load, and a replay in its middle."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from random import Random

from hearth.kit.db import Connection, Database
from hearth.metering import Applier, Journal, replay
from tests.metering.records import begin, settle

NUM_OPEN = 8


class DyingDatabase(Database):
    """A real database whose process is killed at its k-th write, before or after the commit."""

    def __init__(self, url: str, *, writes: int, after_commit: bool) -> None:
        super().__init__(url)
        self._left = writes
        self._after_commit = after_commit

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        self._left -= 1
        async with super().write() as conn:
            yield conn
            if self._left == 0 and not self._after_commit:
                os.kill(os.getpid(), signal.SIGKILL)
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def serve_until_killed(home: Path, url: str, name: str, clients: Pipe) -> None:
    """Serve requests in random order; tell the clients of each one after its settle."""
    asyncio.run(_serve(home, url, name, clients))


async def _serve(home: Path, url: str, name: str, clients: Pipe) -> None:
    db = Database(url)
    await replay(home, db)
    journal = Journal(home, segment_bytes=8_000)
    Applier(journal, db, interval_s=0.002).start()
    random, running, number = Random(name), list[int](), 0
    while True:
        while len(running) < NUM_OPEN:
            journal.begin(begin(number, name=name))
            running.append(number)
            number += 1
        done = running.pop(random.randrange(NUM_OPEN))
        journal.settle(settle(done, name=name))
        clients.send(done)
        await asyncio.sleep(0)


def replay_until_killed(home: Path, url: str, writes: int, after_commit: bool) -> None:
    """Replay, and be killed at a write."""
    asyncio.run(replay(home, DyingDatabase(url, writes=writes, after_commit=after_commit)))
