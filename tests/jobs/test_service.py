"""The front door of jobs: what is deferred, listed and cancelled."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hearth import jobs
from hearth.errors import Conflict, NotFound
from hearth.jobs import Job, JobState
from hearth.kit.clock import utc_now
from hearth.kit.db import Database

IMPORT = Job(
    id="job-1",
    kind="models.import",
    account_id="acme",
    arguments={"source": "hf://a/b"},
    resource="accounts/acme/models/m",
)


async def test_the_same_job_twice_is_one_job(db: Database) -> None:
    async with db.write() as conn:
        first = await jobs.defer(conn, IMPORT)
        assert await jobs.defer(conn, IMPORT) == first
        assert await jobs.list_jobs(conn, "acme") == [first]


async def test_an_id_stands_for_one_job_only(db: Database) -> None:
    async with db.write() as conn:
        await jobs.defer(conn, IMPORT)
        with pytest.raises(Conflict, match=r"job-1 is another one, of kind models\.import"):
            await jobs.defer(conn, Job(id="job-1", kind="models.prepare", account_id="acme"))


async def test_jobs_are_listed_by_account_and_resource_newest_first(db: Database) -> None:
    other = "accounts/acme/models/n"
    async with db.write() as conn:
        await jobs.defer(conn, IMPORT)
        await jobs.defer(conn, Job(id="job-2", kind="k", account_id="acme", resource=other))
        await jobs.defer(conn, Job(id="job-3", kind="k", account_id="umbrella", resource=other))

        assert [each.id for each in await jobs.list_jobs(conn, "acme")] == ["job-2", "job-1"]
        assert [each.id for each in await jobs.list_jobs(conn, "acme", resource=other)] == ["job-2"]


async def test_a_job_that_is_not_there_is_named(db: Database) -> None:
    async with db.write() as conn:
        with pytest.raises(NotFound, match="no job job-0"):
            await jobs.get(conn, "job-0")
        with pytest.raises(NotFound, match="no job job-0"):
            await jobs.cancel(conn, "job-0")


async def test_cancelling_again_changes_nothing(db: Database) -> None:
    async with db.write() as conn:
        await jobs.defer(conn, IMPORT)
        first = await jobs.cancel(conn, "job-1")
        assert first.state is JobState.CANCELLED
        assert first.end_time is not None
        assert first.end_time <= utc_now()
        assert await jobs.cancel(conn, "job-1") == first


def test_who_only_defers_does_not_carry_the_library_of_the_runner() -> None:
    script = "import sys, hearth.app, hearth.jobs; print('dbos' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "False\n"
