"""A gateway's metering on a disk that is full for a while: `python -m ... HOME URL`.

A limit on the size of files is a full disk that a test can empty again, for journal and database.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from pathlib import Path

from hearth.errors import Unavailable
from hearth.kit.db import Database
from hearth.metering import Applier, Journal
from tests.metering.records import begin, settle

NUM_REQUESTS = 2000
FULL_BYTES = 60_000


def limit(num_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, resource.RLIM_INFINITY))


def serve(journal: Journal, n: int) -> str:
    try:
        journal.begin(begin(n))
    except Unavailable:
        return "refused"
    try:
        journal.settle(settle(n))
    except Unavailable:
        return "unfinished"
    return "answered"


async def main(home: Path, url: str) -> None:
    db = Database(url)
    journal = Journal(home)
    applier = Applier(journal, db, interval_s=0.01)
    applier.start()
    ends: dict[str, list[int]] = {"refused": [], "unfinished": [], "answered": []}
    limit(FULL_BYTES)
    for n in range(NUM_REQUESTS):
        ends[serve(journal, n)].append(n)
        if n % 100 == 0:
            await asyncio.sleep(0.02)
    limit(resource.RLIM_INFINITY)
    ends[serve(journal, NUM_REQUESTS)].append(NUM_REQUESTS)
    await applier.close(limit_s=30)
    await db.close()
    sys.stdout.write(json.dumps(ends))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
