"""`hearth ledger` on a database that is right, and on one that somebody wrote into."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from msgspec.structs import replace
from sqlalchemy import text

from hearth.kit.db import Database
from hearth.metering.ledger import apply, interrupted
from hearth.metering.types import Entry
from tests.metering.records import START_NS, begin, settle

LIMIT_S = 60


def verify(url: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HEARTH_")}
    return subprocess.run(
        [sys.executable, "-m", "hearth.cli.main", "ledger", "verify"],
        env=environment | {"HEARTH_HOME": str(home), "HEARTH_DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


async def test_the_books_are_checked_and_a_changed_sum_is_named(
    db: Database, db_url: str, tmp_path: Path
) -> None:
    entries = [Entry(begin(n), replace(settle(n), cost_nano=n)) for n in range(1200)]
    await apply(db, "gateway-1", [*entries, interrupted(begin(5000), START_NS)])

    good = verify(db_url, tmp_path)
    async with db.write() as conn:
        await conn.execute(text("UPDATE spend_days SET cost_nano = cost_nano - 7"))
    bad = verify(db_url, tmp_path)

    assert (good.returncode, good.stderr) == (0, "")
    assert [line.split()[:2] for line in good.stdout.splitlines()] == [
        ["1", "interrupted"],
        ["1,200", "stop"],
        ["1,201", "rows:"],
    ]
    assert bad.returncode == 1
    assert "spend_days accounts/acme 19675: short of cost_nano by 7" in bad.stderr


def test_an_empty_database_is_told_apart_from_a_good_one(tmp_path: Path) -> None:
    done = verify(f"sqlite:///{tmp_path}/new.db", tmp_path)

    assert done.returncode == 1
    assert "run `hearth up` first" in done.stderr
