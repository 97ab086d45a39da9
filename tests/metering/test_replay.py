"""Journals of dead gateways become rows once; those of living ones are left alone."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from hearth.errors import Unavailable
from hearth.kit.db import Database
from hearth.metering import Applier, Journal, Replayed, replay, verify
from tests.metering.disk import left_behind, segments
from tests.metering.ledgers import ledger_away, outcomes, rows, settled
from tests.metering.records import START_NS, begin, settle


def dead_gateway(home: Path, name: str, *, num_settled: int, num_open: int = 0) -> Path:
    """What a gateway leaves that was killed; returns its folder."""
    journal = Journal(home, segment_bytes=10_000)
    for n in range(num_settled + num_open):
        journal.begin(begin(n, name=name))
        if n < num_settled:
            journal.settle(settle(n, name=name))
    journal.close()
    return home / "journal" / journal.instance


async def test_a_dead_gateways_requests_are_settled_or_interrupted(
    db: Database, tmp_path: Path
) -> None:
    dead_gateway(tmp_path, "a", num_settled=700, num_open=2)

    found = await replay(tmp_path, db)

    assert found == Replayed(num_journals=1, num_settled=700, num_interrupted=2)
    interrupted = {"a-700": ("interrupted", 0), "a-701": ("interrupted", 0)}
    assert await outcomes(db) == settled(*range(700), name="a") | interrupted
    assert left_behind(tmp_path) == []
    assert await replay(tmp_path, db) == Replayed()


async def test_there_is_nothing_to_replay_at_the_first_start(db: Database, tmp_path: Path) -> None:
    assert await replay(tmp_path, db) == Replayed()


async def test_a_living_gateways_journal_is_left_alone(db: Database, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin(begin(1))
    journal.flush()

    assert await replay(tmp_path, db) == Replayed()

    assert await outcomes(db) == {}
    journal.settle(settle(1))
    applier = Applier(journal, db)
    applier.start()
    await applier.close()
    assert await outcomes(db) == settled(1)


async def test_gateways_that_start_together_share_the_dead_ones(
    db: Database, db_url: str, tmp_path: Path
) -> None:
    for name in "abcde":
        dead_gateway(tmp_path, name, num_settled=300, num_open=1)
    other = Database(db_url)

    found = await asyncio.gather(replay(tmp_path, db), replay(tmp_path, other))

    await other.close()
    assert sum(one.num_journals for one in found) == 5
    assert sum(one.num_settled for one in found) == 1500
    assert len(await outcomes(db)) == 1505
    assert left_behind(tmp_path) == []


async def test_a_gateway_may_start_while_another_replays(db: Database, tmp_path: Path) -> None:
    def start_and_die() -> None:
        for n in range(50):
            journal = Journal(tmp_path)
            journal.begin(begin(n))
            journal.settle(settle(n))
            journal.close(keep=True)

    starting = asyncio.create_task(asyncio.to_thread(start_and_die))
    while not starting.done():
        await replay(tmp_path, db)
        await asyncio.sleep(0)  # a replay that finds nothing waits for nothing
    await starting
    await replay(tmp_path, db)

    assert await outcomes(db) == settled(*range(50))
    assert left_behind(tmp_path) == []


async def test_a_replay_that_fails_leaves_the_journal_to_the_next(
    db: Database, tmp_path: Path
) -> None:
    dead_gateway(tmp_path, "a", num_settled=10)
    async with ledger_away(db):
        with pytest.raises(Unavailable):
            await replay(tmp_path, db)

    assert (await replay(tmp_path, db)).num_settled == 10
    assert await outcomes(db) == settled(*range(10), name="a")


async def test_a_torn_end_loses_only_what_was_never_acknowledged(
    db: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = dead_gateway(tmp_path, "a", num_settled=5)
    last = segments(folder.parents[1])[-1]
    last.write_bytes(last.read_bytes()[:-3])

    with caplog.at_level(logging.WARNING):
        await replay(tmp_path, db)

    assert await outcomes(db) == settled(*range(4), name="a") | {"a-4": ("interrupted", 0)}
    assert caplog.records == []


async def test_a_damaged_segment_is_kept_and_harms_no_other(
    db: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = dead_gateway(tmp_path, "a", num_settled=200)
    first = segments(folder.parents[1])[1]
    harmed = bytearray(first.read_bytes())
    harmed[len(harmed) // 2] ^= 1
    first.write_bytes(harmed)

    await replay(tmp_path, db)

    assert [path.read_bytes() for path in left_behind(tmp_path)] == [bytes(harmed)]
    assert "damaged" in caplog.text
    found = set((await outcomes(db)).items()) & set(settled(*range(200), name="a").items())
    assert 200 - 40 < len(found) < 200, "lost more than the rest of one segment, or nothing"
    assert (await verify(db)).differences == []


async def test_an_interruption_has_the_time_of_the_journals_last_record(
    db: Database, tmp_path: Path
) -> None:
    dead_gateway(tmp_path, "a", num_settled=3, num_open=1)

    await replay(tmp_path, db)

    assert (await rows(db))["a-3"]["settle_time_ns"] == START_NS + 3
