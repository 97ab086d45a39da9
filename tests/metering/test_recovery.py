"""What a gateway that died used comes into the ledger while others go on."""

from __future__ import annotations

import asyncio
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


class Looking:
    """A recovery that tells of each of its looks."""

    def __init__(self, db: Database, home: Path) -> None:
        self._db = db
        self._home = home
        self._looked = asyncio.Event()
        self.recovery = Recovery(self._look, interval_s=0.01)

    async def _look(self) -> None:
        try:
            await replay(self._home, self._db)
        finally:
            self._looked.set()

    async def looked(self) -> None:
        """Wait for the end of a look that began after now."""
        for _ in range(2):
            self._looked.clear()
            async with asyncio.timeout(LIMIT_S):
                await self._looked.wait()


async def test_a_death_is_noticed_while_others_go_on(db: Database, tmp_path: Path) -> None:
    looking = Looking(db, tmp_path)
    looking.recovery.start()
    alive = Journal(tmp_path)
    alive.begin(begin(1))
    alive.settle(settle(1))

    die(tmp_path, 2, 3)
    await looking.looked()
    assert await outcomes(db) == settled(2, 3)
    die(tmp_path, 4)
    await looking.looked()
    assert await outcomes(db) == settled(2, 3, 4)

    await looking.recovery.close()
    alive.close()


async def test_it_goes_on_once_the_database_is_back(db: Database, tmp_path: Path) -> None:
    looking = Looking(db, tmp_path)
    async with ledger_away(db):
        die(tmp_path, 1)
        looking.recovery.start()
        await looking.looked()

    await looking.looked()
    assert await outcomes(db) == settled(1)
    await looking.recovery.close()
