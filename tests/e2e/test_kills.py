"""kill -9 of gateways, workers, the controller and PostgreSQL at random moments, under load.

What a client saw finished is in the ledger with the client's own figures, once; whatever died.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from hearth.pricing import NANO
from tests.e2e.accounting import (
    Query,
    assert_nothing_lost_or_doubled,
    postgres_query,
    sqlite_query,
    wait_for_rows,
)
from tests.e2e.budget import Budget, spend_all
from tests.e2e.crowd import Crowd, crowded
from tests.e2e.gateways import RunningGateway, running_gateways
from tests.postgres import KILLABLE, Cluster, running_cluster
from tests.running import RunningHearth

NUM_GATEWAYS = 3
NUM_CLIENTS = 48
PLENTY = 1000 * NANO  # more than all can hold at once
REST = NANO // 5000  # what is left when the killing is over, to be spent to its end
MAX_LOAD_S = 0.5
MIN_ANSWERS = 30  # between two kills, so that each finds the others at work
LIMIT_S = 60.0


@dataclass
class Scene:
    """All that runs, and may be killed."""

    home: Path
    settings: dict[str, str]
    hearth: RunningHearth
    gateways: list[RunningGateway]
    cluster: Cluster | None
    query: Query
    num_starts: int = 1

    def budget(self) -> Budget:
        """The dev key's, which the welcome has used."""
        while not self.query("SELECT 1 FROM usage_events"):
            threading.Event().wait(0.05)
        url = self.settings.get("database_url", f"sqlite:///{self.home}/state.db")
        return Budget(self.query, url)

    def in_turn(self) -> list[Callable[[Random], None]]:
        """Which kills follow each other; the controller's lets workers start at once again."""
        other = self.kill_workers if self.cluster is None else self.kill_database
        gateway = self.kill_gateway
        return [gateway, self.kill_workers, gateway, other, gateway, self.kill_controller]

    def kill_gateway(self, random: Random) -> None:
        """One gateway, which then starts again and replays its own journal."""
        victim = random.choice(self.gateways)
        victim.kill()
        victim.start()

    def kill_workers(self, random: Random) -> None:
        """One worker; its supervisor starts the next."""
        pids = self.hearth.worker_pids()
        if pids:  # none while the last one that was killed is not back
            os.kill(random.choice(pids), signal.SIGKILL)

    def kill_controller(self, random: Random) -> None:
        """`hearth up`, a gateway itself, with all its workers; another takes the home."""
        self.hearth.kill()
        threading.Event().wait(random.uniform(0, MAX_LOAD_S))
        self.hearth = RunningHearth(self.home, **self.settings)
        self.hearth.wait_ready()
        self.num_starts += 1

    def kill_database(self, random: Random) -> None:
        """The server, and for a random while there is none."""
        assert self.cluster is not None
        self.cluster.kill()
        threading.Event().wait(random.uniform(0, MAX_LOAD_S))
        self.cluster.start()


@contextmanager
def scene(home: Path, dialect: str) -> Iterator[Scene]:
    """A controller, its worker, a database and several gateways."""
    cluster, query = None, sqlite_query(home)
    settings: dict[str, str] = {}
    with ExitStack() as ending:
        if dialect == "postgresql":
            cluster, postgres = ending.enter_context(running_cluster(KILLABLE))
            postgres.run("CREATE DATABASE hearth TEMPLATE template0")
            settings = {"database_url": postgres.url("hearth")}
            query = postgres_query(settings["database_url"])
        here = Scene(
            home=home,
            settings=settings,
            hearth=RunningHearth(home, **settings),
            gateways=[],
            cluster=cluster,
            query=query,
        )
        ending.callback(lambda: here.hearth.stop())
        here.hearth.wait_ready()
        here.gateways = ending.enter_context(running_gateways(home, num=NUM_GATEWAYS, **settings))
        yield here


def wait_for_answers(crowd: Crowd, num: int) -> None:
    """Wait until so many more have come, whatever was killed before."""
    target, deadline = len(crowd.seen.finished) + num, time.monotonic() + LIMIT_S
    while len(crowd.seen.finished) < target:
        assert time.monotonic() < deadline, f"nothing is answered any more: {crowd.seen}"
        threading.Event().wait(0.05)


@pytest.mark.parametrize("num_kills", [6, pytest.param(200, marks=pytest.mark.slow)])
def test_whatever_is_killed_nothing_that_was_answered_is_lost_or_doubled(
    tmp_path: Path, dialect: str, num_kills: int
) -> None:
    killed: Counter[str] = Counter()
    with scene(tmp_path, dialect) as here:
        urls = [gateway.url for gateway in here.gateways]
        key = here.hearth.credentials["api_key"]
        kinds = here.in_turn()
        budget = here.budget()
        budget.set(PLENTY)
        with crowded(urls, key, num_clients=NUM_CLIENTS) as crowd:
            for number in range(num_kills):
                random = Random(number)
                threading.Event().wait(random.uniform(0, MAX_LOAD_S))  # a random moment
                kill = kinds[number % len(kinds)]
                kill(random)
                killed[kill.__name__] += 1
                wait_for_answers(crowd, MIN_ANSWERS)
        seen = crowd.seen
        wait_for_rows(here.query, set(seen.finished))
        budget.wait_until_nothing_is_held()
        budget.assert_prices()
        figures = f"\n{dict(killed)}, {len(seen.finished)} finished, {seen.num_broken} broken, "
        sys.stdout.write(f"{figures}{dict(seen.unavailable)}\n")  # shown by -s
        assert_nothing_lost_or_doubled(here.query, seen, extra=here.num_starts)
        faults = [line for each in here.gateways for line in each.output]
        assert "Something broke inside Hearth." not in seen.unavailable, "".join(faults)
        assert not seen.refused, "a request was refused by a limit that nobody reached"

        limit = budget.spent + REST
        budget.set(limit)
        may_cost = spend_all(urls, key)
        budget.wait_until_nothing_is_held()
        assert limit - may_cost < budget.spent <= limit
        for gateway in here.gateways:
            assert gateway.stop() == 0, "".join(gateway.output)
    assert not any((tmp_path / "journal").iterdir()), "a journal was left over"
