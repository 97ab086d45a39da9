"""What a gateway that died used comes into the ledger while others go on."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from hearth.kit.db import Database
from hearth.metering import Journal, Recovery, replay
from tests.metering.ledgers import ledger_away, outcomes, settled
from tests.metering.records import begin, settle

LIMIT_S = 30.0


def die(home: Path, *numbers: int) -> None:
    """Leave what a killed gateway leaves: a journal whose lock nobody holds."""
    journal = Journal(home)
    for n in numbers:
        journal.begin(begin(n))
        journal.settle(settle(n))
    journal.close(keep=True)


async def until_applied(db: Database, *numbers: int) -> None:
    async with asyncio.timeout(LIMIT_S):
        while await outcomes(db) != settled(*numbers):
            await asyncio.sleep(0.01)


async def test_a_death_is_noticed_while_others_go_on(db: Database, tmp_path: Path) -> None:
    recovery = Recovery(partial(replay, tmp_path, db), interval_s=0.01)
    recovery.start()
    alive = Journal(tmp_path)
    alive.begin(begin(1))
    alive.settle(settle(1))

    die(tmp_path, 2, 3)
    await until_applied(db, 2, 3)
    die(tmp_path, 4)
    await until_applied(db, 2, 3, 4)

    await recovery.close()
    alive.close()


async def test_it_goes_on_once_the_database_is_back(db: Database, tmp_path: Path) -> None:
    recovery = Recovery(partial(replay, tmp_path, db), interval_s=0.01)
    async with ledger_away(db):
        die(tmp_path, 1)
        recovery.start()
        await asyncio.sleep(0.1)  # some attempts that fail

    await until_applied(db, 1)
    await recovery.close()
