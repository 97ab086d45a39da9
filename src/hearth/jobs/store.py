"""The jobs table: at once the queue, the outbox and the history."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import asdict
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    RowMapping,
    Table,
    bindparam,
    func,
    select,
    text,
    update,
)

from hearth.jobs.types import UNFINISHED, Ending, Job, JobRecord, JobState
from hearth.kit.columns import TEXT, JsonValue, UtcTime
from hearth.kit.db import Connection, metadata

jobs = Table(
    "jobs",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("account_id", TEXT, nullable=False),
    Column("resource", TEXT, nullable=False),
    Column("arguments", JsonValue, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("percent", BigInteger, nullable=False),
    Column("message", TEXT, nullable=False),
    Column("result", JsonValue, nullable=True),
    Column("error", TEXT, nullable=False),
    Column("is_cancelling", Boolean, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("start_time", UtcTime, nullable=True),
    Column("end_time", UtcTime, nullable=True),
    Index("ix_jobs_state", "state"),
    Index("ix_jobs_account_id_resource", "account_id", "resource"),
)

_IS_UNFINISHED = jobs.c.state.in_(sorted(UNFINISHED))


# One statement: two requests may defer the same id at the same moment.
_INSERT = text(
    "INSERT INTO jobs (id, kind, account_id, resource, arguments, state, percent, message, error, "
    "is_cancelling, create_time) VALUES (:id, :kind, :account_id, :resource, :arguments, "
    "'QUEUED', 0, '', '', false, :now) ON CONFLICT (id) DO NOTHING"
).bindparams(bindparam("arguments", type_=JsonValue), bindparam("now", type_=UtcTime))


async def insert_job(conn: Connection, job: Job, now: datetime) -> None:
    """Queue a job; one whose id is taken is left as it is."""
    await conn.execute(_INSERT, {**asdict(job), "now": now})


async def get_job(conn: Connection, job_id: str) -> JobRecord | None:
    """Return a job, or None where there is none of that id."""
    row = (await conn.execute(select(jobs).where(jobs.c.id == job_id))).mappings().one_or_none()
    return None if row is None else _record(row)


async def list_jobs(conn: Connection, account_id: str, resource: str | None) -> list[JobRecord]:
    """Return an account's jobs, or those of one resource, newest first."""
    query = select(jobs).where(jobs.c.account_id == account_id)
    if resource is not None:
        query = query.where(jobs.c.resource == resource)
    rows = await conn.execute(query.order_by(jobs.c.create_time.desc(), jobs.c.id.desc()))
    return [_record(row) for row in rows.mappings()]


async def unfinished_jobs(conn: Connection) -> list[JobRecord]:
    """Return what is queued or runs, oldest first."""
    query = select(jobs).where(_IS_UNFINISHED).order_by(jobs.c.create_time, jobs.c.id)
    return [_record(row) for row in (await conn.execute(query)).mappings()]


async def is_any_unfinished(conn: Connection) -> bool:
    """Whether anything is queued or runs."""
    return (
        await conn.execute(select(jobs.c.id).where(_IS_UNFINISHED).limit(1))
    ).first() is not None


async def cancel_job(conn: Connection, job_id: str, now: datetime) -> None:
    """End a job that is queued, ask for the end of one that runs, leave a finished one alone."""
    await conn.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state == JobState.QUEUED)
        .values(state=JobState.CANCELLED, end_time=now)
    )
    # Only now: no job goes from running back to queued.
    await conn.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state == JobState.RUNNING)
        .values(is_cancelling=True)
    )


async def begin_job(conn: Connection, job_id: str, now: datetime) -> JobRecord | None:
    """Note that a job runs, the first time or again; None if it is finished or gone."""
    done = await conn.execute(
        update(jobs)
        .where(jobs.c.id == job_id, _IS_UNFINISHED)
        .values(state=JobState.RUNNING, start_time=func.coalesce(jobs.c.start_time, now))
        .returning(*jobs.c)
    )
    row = done.mappings().one_or_none()
    return None if row is None else _record(row)


async def note_progress(conn: Connection, job_id: str, percent: int, message: str) -> None:
    """Say how far a job has come; what is run again after a crash does not set it back."""
    await conn.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state == JobState.RUNNING, jobs.c.percent <= percent)
        .values(percent=percent, message=message)
    )


async def finish_job(conn: Connection, job_id: str, ending: Ending, now: datetime) -> None:
    """End a job, unless it has ended."""
    values = {"state": ending.state, "result": ending.result, "error": ending.error}
    if ending.state is JobState.SUCCEEDED:
        values["percent"] = 100
    await conn.execute(
        update(jobs).where(jobs.c.id == job_id, _IS_UNFINISHED).values(**values, end_time=now)
    )


def _record(row: RowMapping) -> JobRecord:
    return JobRecord(**{**row, "state": JobState(row["state"])})
