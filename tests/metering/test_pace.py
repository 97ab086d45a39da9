"""What operators see of the way into the ledger."""

from __future__ import annotations

from pathlib import Path

from hearth.kit.db import Database
from hearth.metering import Applier, Journal
from tests.metering.ledgers import ledger_away
from tests.metering.test_applier import serve, until, until_applied


async def test_requests_and_transactions_are_counted_when_they_are_in(
    db: Database, tmp_path: Path
) -> None:
    journal = Journal(tmp_path)
    applier = Applier(journal, db, interval_s=0.0)
    serve(journal, range(1200))
    applier.start()
    await until_applied(applier)

    pace = applier.pace

    assert (pace.num_requests, pace.num_errors) == (1200, 0)
    assert sum(pace.batch_s.counts) == 3  # of 500 each
    assert pace.batch_s.total > 0
    await applier.close()


async def test_every_failed_round_counts_and_no_request_counts_twice(
    db: Database, tmp_path: Path
) -> None:
    journal = Journal(tmp_path)
    applier = Applier(journal, db, interval_s=0.0)
    async with ledger_away(db):
        serve(journal, range(3))
        applier.start()
        await until(lambda: applier.pace.num_errors >= 2)
        assert applier.pace.num_requests == 0
    await until_applied(applier)

    assert applier.pace.num_requests == 3
    await applier.close()
