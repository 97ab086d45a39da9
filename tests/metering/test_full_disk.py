"""A disk that is full: what cannot be metered is refused, and what was answered is billed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from hearth.kit.db import Database
from hearth.metering import verify
from tests.metering.disk import left_behind
from tests.metering.filling import NUM_REQUESTS
from tests.metering.ledgers import outcomes, settled

LIMIT_S = 90
ROOT = Path(__file__).parents[2]


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )


async def test_a_full_disk_refuses_work_until_there_is_room_and_loses_no_answer(
    db: Database, db_url: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tests.metering.filling", str(tmp_path), db_url]

    done = await asyncio.to_thread(run, command)

    assert done.returncode == 0, done.stderr
    ends = json.loads(done.stdout)
    assert min(len(ends["refused"]), len(ends["answered"])) > 50
    assert NUM_REQUESTS in ends["answered"], "with room again, work is taken again"
    # What broke off between the two is kept, and billed: its client got what was produced.
    assert await outcomes(db) == settled(*ends["answered"], *ends["unfinished"])
    assert (await verify(db)).differences == []
    assert left_behind(tmp_path) == []
