"""What was held for requests shrinks with the very transaction that makes them rows, once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from hearth.errors import Unavailable
from hearth.kit.db import Connection, Database
from hearth.metering import Applier, Journal, replay, verify
from tests.metering.disk import left_behind, segments
from tests.metering.holding import DoubtfulDatabase, Holding, leased
from tests.metering.ledgers import ledger_away, outcomes, settled
from tests.metering.records import begin, settle
from tests.metering.test_applier import until, until_applied

HELD = 10**9
AMOUNTS = {"user:2023-11": HELD, "key:2023-11": HELD}


def serve(journal: Journal, numbers: Iterable[int]) -> None:
    """Request `n` costs `n`; one in five is not limited, one in two by user and key."""
    for n in numbers:
        holds = ("user:2023-11", "key:2023-11")[: 2 - n % 2] if n % 5 else ()
        journal.begin(replace(begin(n), holds=holds, held_nano=n))
        journal.settle(replace(settle(n), cost_nano=n))


def left(numbers: Iterable[int]) -> dict[str, int]:
    """What is held after these were served."""
    limited = [n for n in numbers if n % 5]
    return {
        "user:2023-11": HELD - sum(limited),
        "key:2023-11": HELD - sum(n for n in limited if n % 2 == 0),
    }


async def test_holds_shrink_by_what_became_rows(db: Database, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    holding = Holding(journal.instance, AMOUNTS)
    applier = Applier(journal, db, holding)
    applier.start()

    serve(journal, range(1100))
    await applier.close()

    assert holding.amounts == left(range(1100))
    assert await leased(db) == {
        (journal.instance, hold): amount for hold, amount in left(range(1100)).items()
    }


@pytest.mark.parametrize("max_backlog", [10_000, 50], ids=["from memory", "from files"])
async def test_no_hold_shrinks_twice_where_commits_fail_or_are_in_doubt(
    db: Database, db_url: str, tmp_path: Path, max_backlog: int
) -> None:
    doubtful = DoubtfulDatabase(db_url, num_failures=4)
    journal = Journal(tmp_path, segment_bytes=30_000, max_backlog=max_backlog)
    holding = Holding(journal.instance, AMOUNTS)
    applier = Applier(journal, doubtful, holding, interval_s=0.001)
    applier.start()
    async with ledger_away(db):
        serve(journal, range(400))
        await until(lambda: applier.lag.error is not None)
    serve(journal, range(400, 900))
    await until_applied(applier)
    serve(journal, range(900, 1000))
    await until_applied(applier)
    await applier.close()
    await doubtful.close()

    assert doubtful.num_failures < 0
    assert await outcomes(db) == settled(*range(1000))
    assert holding.amounts == left(range(1000))
    assert sorted((await leased(db)).values()) == sorted(left(range(1000)).values())


async def test_memory_that_spills_in_the_middle_gives_no_entry_twice(
    db: Database, tmp_path: Path
) -> None:
    journal = Journal(tmp_path, segment_bytes=10_000, max_backlog=50)
    holding = Holding(journal.instance, AMOUNTS)
    applier = Applier(journal, db, holding, interval_s=0.001)
    serve(journal, range(40))
    applier.start()
    await until_applied(applier)  # from memory; the file with them stays

    serve(journal, range(40, 140))
    await until_applied(applier)

    assert holding.amounts == left(range(140))
    await applier.close()


async def test_a_file_that_is_harmed_while_it_is_needed_costs_no_other_entry(
    db: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path, segment_bytes=20_000, max_backlog=50)
    holding = Holding(journal.instance, AMOUNTS)
    applier = Applier(journal, db, holding, interval_s=0.001)
    async with ledger_away(db):
        applier.start()
        serve(journal, range(400))
        await until(lambda: applier.lag.error is not None)
        second = segments(tmp_path)[1]
        harmed = bytearray(second.read_bytes())
        harmed[len(harmed) // 2] ^= 1
        second.write_bytes(harmed)

    await until_applied(applier)
    await applier.close()

    found = {int(one.removeprefix("r-")) for one in await outcomes(db)}
    lost = set(range(400)) - found
    assert lost == set(range(min(lost), max(lost) + 1)), "lost more than the rest of one file"
    assert 0 < len(lost) < 60
    assert holding.amounts == left(found)
    assert (await verify(db)).differences == []
    assert [path.read_bytes() for path in left_behind(tmp_path)] == [bytes(harmed)]
    assert "damaged" in caplog.text


async def release(conn: Connection, instance: str) -> None:
    await conn.execute(
        text("DELETE FROM leases WHERE instance = :instance"), {"instance": instance}
    )


async def test_the_dead_are_told_of_after_their_journal_is_in(db: Database, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    holding = Holding(journal.instance, AMOUNTS)
    async with holding.lock, db.write() as conn:
        await holding.write(conn, {"user:2023-11": 0})
    serve(journal, range(10))
    journal.close()
    seen = []

    async def on_dead(conn: Connection, instance: str) -> None:
        num_rows = await conn.scalar(text("SELECT count(*) FROM usage_events"))
        seen.append((instance, num_rows, left_behind(tmp_path) != []))
        await release(conn, instance)
        if len(seen) == 1:
            raise Unavailable("The first attempt breaks off.")

    with pytest.raises(Unavailable):
        await replay(tmp_path, db, on_dead)
    assert len(await leased(db)) == 1
    await replay(tmp_path, db, on_dead)

    assert seen == [(journal.instance, 10, True)] * 2
    assert await leased(db) == {}
    assert left_behind(tmp_path) == []
