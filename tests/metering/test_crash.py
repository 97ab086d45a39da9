"""kill -9 at any moment: what a client saw finished is in the ledger, once."""

from __future__ import annotations

import multiprocessing
import signal
from multiprocessing.context import ForkServerContext
from pathlib import Path
from random import Random

import pytest

from hearth.kit.db import Database
from hearth.metering import Journal, replay
from tests.metering.disk import left_behind
from tests.metering.dying import NUM_OPEN, replay_until_killed, serve_until_killed
from tests.metering.ledgers import outcomes, settled
from tests.metering.records import begin, settle

LIMIT_S = 60
NUM_KILLS = 20
MAX_ANSWERS = 600  # more than one batch, several segments


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Children come from one process that has imported everything: a start costs milliseconds."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.metering.dying"])
    return context


def kill_a_gateway(
    processes: ForkServerContext, home: Path, url: str, name: str, num_answers: int
) -> set[int]:
    """Let a gateway serve, kill it, and return which of its answers were seen."""
    clients, gateway = processes.Pipe(duplex=False)
    process = processes.Process(target=serve_until_killed, args=(home, url, name, gateway))
    process.start()
    gateway.close()
    seen = set()
    for _ in range(num_answers):
        assert clients.poll(LIMIT_S), "the gateway does not answer"
        seen.add(clients.recv())
    process.kill()
    try:
        while True:
            seen.add(clients.recv())
    except EOFError:
        pass
    process.join(LIMIT_S)
    assert process.exitcode == -signal.SIGKILL
    return seen


async def test_gateways_killed_at_random_lose_and_double_nothing(
    db: Database, db_url: str, tmp_path: Path, processes: ForkServerContext
) -> None:
    seen = {}
    for kill in range(NUM_KILLS):
        num_answers = Random(kill).randrange(MAX_ANSWERS)
        name = f"kill{kill}"
        seen[name] = kill_a_gateway(processes, tmp_path, db_url, name, num_answers)

    await replay(tmp_path, db)

    found = await outcomes(db)
    for name, numbers in seen.items():
        expected = settled(*numbers, name=name)
        assert {key: found.pop(key, None) for key in expected} == expected
    assert len(found) <= NUM_KILLS * NUM_OPEN, "more than were open when the gateways died"
    for key, ended in found.items():
        name, _, number = key.partition("-")
        assert ended in {("interrupted", 0), settled(int(number), name=name)[key]}
    assert left_behind(tmp_path) == []


def dead_gateway(home: Path, *, num_settled: int, num_open: int) -> None:
    journal = Journal(home, segment_bytes=50_000)
    for n in range(num_settled + num_open):
        journal.begin(begin(n))
        if n < num_settled:
            journal.settle(settle(n))
    journal.close()


@pytest.mark.parametrize("after_commit", [False, True], ids=["before commit", "after commit"])
async def test_a_replay_killed_midway_is_finished_by_the_next(
    db: Database, db_url: str, tmp_path: Path, processes: ForkServerContext, after_commit: bool
) -> None:
    dead_gateway(tmp_path, num_settled=1000, num_open=3)

    exits: list[int | None] = []
    while 0 not in exits:
        arguments = (tmp_path, db_url, len(exits) + 1, after_commit)
        process = processes.Process(target=replay_until_killed, args=arguments)
        process.start()
        process.join(LIMIT_S)
        exits.append(process.exitcode)

    assert len(exits) > 3
    assert exits[:-1] == [-signal.SIGKILL] * (len(exits) - 1)
    interrupted = {f"r-{n}": ("interrupted", 0) for n in range(1000, 1003)}
    assert await outcomes(db) == settled(*range(1000)) | interrupted
    assert left_behind(tmp_path) == []
