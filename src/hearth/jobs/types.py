"""What a job is: a kind, its arguments, and how far it has come."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from hearth.kit.ids import new_id


class JobState(StrEnum):
    """Where a job is in its life; the last three are final."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to the job any more."""
        return self not in UNFINISHED


UNFINISHED = frozenset({JobState.QUEUED, JobState.RUNNING})


class Job(Struct, frozen=True, kw_only=True):
    """Work to be done; deferring the same id again starts nothing again."""

    kind: str
    "Names the handler, such as `models.import`."
    account_id: str
    arguments: dict[str, Any] = {}  # Any: whatever JSON the handler takes
    "JSON for the handler; no secrets, for it is kept."
    resource: str = ""
    "The full name of what the job works on."
    id: str = field(default_factory=lambda: new_id("job"))


class JobRecord(Struct, frozen=True, kw_only=True):
    """A job as it is kept."""

    id: str
    kind: str
    account_id: str
    resource: str
    arguments: dict[str, Any]  # Any: see Job
    state: JobState
    percent: int
    "0 to 100; it never goes back."
    message: str
    "What the job does now, for people."
    result: Any  # Any: whatever JSON the handler returns
    error: str
    "Why it failed, with the remedy; empty otherwise."
    is_cancelling: bool
    "Somebody cancelled it while it ran; it ends soon."
    create_time: datetime
    start_time: datetime | None
    end_time: datetime | None


class Ending(Struct, frozen=True, kw_only=True):
    """How a job ended."""

    state: JobState
    result: Any = None  # Any: see JobRecord
    error: str = ""
