"""Durable jobs: work that survives the death of whoever runs it.

A feature defers a job in the transaction that makes it necessary and watches what becomes of it;
its handler, which `hearth.app.jobs` names, does the work in steps.
"""

from hearth.jobs.context import Context, Handler
from hearth.jobs.keeper import RunnerKeeper
from hearth.jobs.service import cancel, defer, get, list_jobs
from hearth.jobs.types import Job, JobRecord, JobState

__all__ = [
    "Context",
    "Handler",
    "Job",
    "JobRecord",
    "JobState",
    "RunnerKeeper",
    "cancel",
    "defer",
    "get",
    "list_jobs",
]
