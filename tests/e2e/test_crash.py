"""kill -9 of the gateway under load: what a client saw finished is in the ledger, once."""

from __future__ import annotations

import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from tests.e2e.load import Used, loaded
from tests.running import RunningHearth, running_hearth

NUM_CONNECTIONS = 16
MAX_LOAD_S = 0.5


def ledger(home: Path) -> list[tuple[str, str, Used]]:
    """Every row: request id, outcome, tokens."""
    with closing(sqlite3.connect(home / "state.db")) as database:
        rows = database.execute(
            "SELECT request_id, outcome, prompt_tokens, completion_tokens FROM usage_events"
        ).fetchall()
    return [(row[0], row[1], Used(*row[2:])) for row in rows]


@pytest.mark.parametrize("num_kills", [3, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_at_random_moments_it_loses_and_doubles_nothing(
    tmp_path: Path, num_kills: int
) -> None:
    finished: dict[str, Used] = {}
    num_sent = 0
    for kill in range(num_kills):
        hearth = RunningHearth(tmp_path)
        try:
            hearth.wait_ready()
            with loaded(hearth, num_connections=NUM_CONNECTIONS) as load:
                threading.Event().wait(Random(kill).uniform(0, MAX_LOAD_S))  # a random moment
        finally:
            hearth.kill()
        assert not finished.keys() & load.finished.keys(), "an id came back after a restart"
        finished |= load.finished
        num_sent += load.num_sent + 1  # the first answer of the welcome
    with running_hearth(tmp_path):
        pass  # replays what the last kill left
    num_sent += 1

    rows = ledger(tmp_path)

    figures = f"\n{num_kills} kills, {len(finished)} finished, {num_sent} sent, {len(rows)} rows\n"
    sys.stdout.write(figures)  # shown by -s
    by_id = {request_id: used for request_id, _, used in rows}
    assert len(by_id) == len(rows), "a request has two rows"
    assert {request_id: by_id.get(request_id) for request_id in finished} == finished
    assert len(rows) <= num_sent, "a request was counted under two ids"
    unseen = [row for row in rows if row[0] not in finished and row[1] != "interrupted"]
    assert len(unseen) <= num_kills * (NUM_CONNECTIONS + 1) + 1, "more than were in flight"
