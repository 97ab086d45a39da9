"""Deferring, watching and cancelling jobs; each call joins the caller's transaction."""

from __future__ import annotations

from hearth.errors import Conflict, NotFound
from hearth.jobs import store
from hearth.jobs.types import Job, JobRecord
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Connection


async def defer(conn: Connection, job: Job, *, clock: Clock = utc_now) -> JobRecord:
    """Queue a job in the transaction that makes it necessary: both are kept, or neither is.

    Deferring the same job again returns what has become of it.

    Raises:
        Conflict: the id is that of another job.
    """
    await store.insert_job(conn, job, clock())
    record = await get(conn, job.id)
    if (record.kind, record.account_id, record.arguments) != (
        job.kind,
        job.account_id,
        job.arguments,
    ):
        raise Conflict(
            f"The job {job.id} is another one, of kind {record.kind}; choose another id."
        )
    return record


async def get(conn: Connection, job_id: str) -> JobRecord:
    """Return a job, whoever's it is.

    Raises:
        NotFound: there is none of this id.
    """
    record = await store.get_job(conn, job_id)
    if record is None:
        raise NotFound(f"There is no job {job_id}.")
    return record


async def list_jobs(
    conn: Connection, account_id: str, *, resource: str | None = None
) -> list[JobRecord]:
    """Return an account's jobs, newest first.

    Args:
        conn: a transaction.
        account_id: whose.
        resource: only those that work on it, by its full name.
    """
    return await store.list_jobs(conn, account_id, resource)


async def cancel(conn: Connection, job_id: str, *, clock: Clock = utc_now) -> JobRecord:
    """End a queued job at once and a running one soon; a finished one stays as it is.

    Raises:
        NotFound: there is none of this id.
    """
    await store.cancel_job(conn, job_id, clock())
    return await get(conn, job_id)
