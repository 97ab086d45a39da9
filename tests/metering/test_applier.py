"""The applier between a real journal and a real database, which may be away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import get_args

import pytest

from hearth.kit.db import Database
from hearth.metering import Applier, Journal, replay
from hearth.metering.journal import Mode
from hearth.migrations import migrate
from tests.metering.disk import left_behind, segments
from tests.metering.ledgers import ledger_away, outcomes, settled
from tests.metering.records import begin, settle

LIMIT_S = 30


def serve(journal: Journal, numbers: Iterable[int]) -> None:
    for n in numbers:
        journal.begin(begin(n))
        journal.settle(settle(n))


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what the applier does in the background; to wait too long is a failure."""
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110 - it announces nothing to wait for
            await asyncio.sleep(0.01)


async def until_applied(applier: Applier) -> None:
    await until(lambda: applier.lag.num_requests == 0)


@pytest.mark.parametrize("mode", get_args(Mode))
async def test_what_is_settled_reaches_the_ledger_and_its_segments_go(
    db: Database, tmp_path: Path, mode: Mode
) -> None:
    journal = Journal(tmp_path, mode=mode, segment_bytes=10_000)
    applier = Applier(journal, db)
    applier.start()
    journal.begin(begin(9999))  # open all the while: it must not keep segments from going

    serve(journal, range(1200))
    assert len(segments(tmp_path)) > 10
    await until_applied(applier)
    await journal.synced()

    assert await outcomes(db) == settled(*range(1200))
    journal.settle(settle(9999))
    await applier.close()
    assert await outcomes(db) == settled(*range(1200), 9999)
    assert left_behind(tmp_path) == []


@pytest.fixture
async def new_db(empty_url: str) -> AsyncIterator[Database]:
    """Migrated by the process that uses it, as at a first start."""
    database = Database(empty_url)
    await database.open()
    await migrate(database)
    yield database
    await database.close()


@pytest.mark.parametrize("mode", get_args(Mode))
async def test_segments_go_while_the_gateway_runs(
    new_db: Database, tmp_path: Path, mode: Mode
) -> None:
    journal = Journal(tmp_path, mode=mode, segment_bytes=10_000)
    applier = Applier(journal, new_db)
    applier.start()
    journal.begin(begin(9999))

    serve(journal, range(100))
    assert len(segments(tmp_path)) > 1
    await until(lambda: len(segments(tmp_path)) == 1)

    assert applier.lag.error is None
    assert await outcomes(new_db) == settled(*range(100))
    journal.settle(settle(9999))
    await applier.close()


async def test_closing_applies_what_has_just_been_settled(db: Database, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    applier = Applier(journal, db, interval_s=1000)
    applier.start()
    serve(journal, range(700))

    await applier.close()

    assert await outcomes(db) == settled(*range(700))
    assert left_behind(tmp_path) == []


async def test_a_ledger_that_is_away_shows_and_is_caught_up_with(
    db: Database, tmp_path: Path
) -> None:
    journal = Journal(tmp_path, segment_bytes=10_000, max_backlog=50)
    applier = Applier(journal, db, interval_s=0.001)
    applier.start()
    async with ledger_away(db):
        serve(journal, range(300))
        await until(lambda: applier.lag.error is not None)
        assert applier.lag.num_requests == 300
        assert applier.lag.age_s > 0

    serve(journal, range(300, 1000))
    await until_applied(applier)

    assert await outcomes(db) == settled(*range(1000))
    serve(journal, range(1000, 1010))
    await until_applied(applier)
    assert applier.lag.error is None
    assert await outcomes(db) == settled(*range(1010))
    await applier.close()
    assert left_behind(tmp_path) == []


async def test_what_the_ledger_never_got_waits_for_the_next_start(
    db: Database, tmp_path: Path
) -> None:
    journal = Journal(tmp_path, segment_bytes=10_000)
    applier = Applier(journal, db)
    applier.start()
    async with ledger_away(db):
        serve(journal, range(200))
        await applier.close()
    assert await outcomes(db) == {}

    await replay(tmp_path, db)

    assert await outcomes(db) == settled(*range(200))
    assert left_behind(tmp_path) == []


async def test_a_request_that_is_never_settled_is_interrupted_at_the_next_start(
    db: Database, tmp_path: Path
) -> None:
    journal = Journal(tmp_path)
    applier = Applier(journal, db)
    applier.start()
    serve(journal, [1])
    journal.begin(begin(2))

    await applier.close()
    await replay(tmp_path, db)

    assert await outcomes(db) == settled(1) | {"r-2": ("interrupted", 0)}
