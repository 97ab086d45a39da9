"""The only module that knows DBOS: workflows that go on at the step where a crash cut them.

DBOS has no notion of who is alive: it takes up what the last process of the same executor id left
when it is launched. So every runner has the same id, and only the one that leads launches it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

import msgspec
from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID, WorkflowStatus
from dbos import error as dbos_errors

from hearth.errors import Conflict
from hearth.jobs.outcomes import Outcome
from hearth.kit.db import Database
from hearth.kit.db_outages import first_line, told_as_unavailable

EXECUTOR = "controller"
VERSION = "1"
"""By default a digest of the code, so that an upgrade would abandon what runs."""
MAX_RUNS = 100
"After so many crashes while it ran, a job is given up: it may be what crashes the runner."
CONNECTIONS = 3

T = TypeVar("T")

_LIVE = {"PENDING", "ENQUEUED", "DELAYED"}


class _Json(Serializer):
    """Everything we keep is JSON: pickles would run whatever somebody wrote into the database."""

    def serialize(self, data: Any) -> str:  # Any: DBOS's own arguments and our outcomes
        return msgspec.json.encode(data, enc_hook=str).decode()

    def deserialize(self, serialized_data: str) -> Any:  # Any: the same
        return msgspec.json.decode(serialized_data)

    def name(self) -> str:
        return "hearth_json"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What has become of a workflow."""

    state: Literal["unknown", "live", "returned", "broken"]
    value: Any = None  # Any: what its body returned
    reason: str = ""


class DbosJournal:
    """The steps of the workflow that the current task belongs to.

    Args:
        give_up: ends the process, told why. What cannot be noted is as good as not done, and the
            next process does it again.
    """

    def __init__(self, give_up: Callable[[str], NoReturn]) -> None:
        self._give_up = give_up

    async def step(self, name: str, run: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """See `Journal`.

        Raises:
            Conflict: before the crash another step stood here.
        """

        async def kept() -> object:
            return msgspec.to_builtins(await run())

        return msgspec.convert(
            await self._noted(DBOS.run_step_async({"name": name}, kept)), Outcome
        )

    async def sleep(self, seconds: float) -> None:
        """See `Journal`.

        Raises:
            Conflict: before the crash a step stood here.
        """
        await self._noted(DBOS.sleep_async(seconds))

    async def _noted(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except dbos_errors.DBOSUnexpectedStepError as error:
            raise Conflict(
                "The job was begun by a Hearth whose steps for it are others; start it anew."
            ) from error
        except Exception as error:  # noqa: BLE001 - no step raises any: the journal is away
            self._give_up(f"The journal of jobs does not answer: {first_line(error)}.")


class Workflows:
    """Runs one body for many ids, each once to its end, over any number of processes in a row.

    Args:
        db: where Hearth's state is; what DBOS remembers lies beside it.
        body: given an id; what it returns is JSON.
    """

    def __init__(self, db: Database, body: Callable[[str], Awaitable[object]]) -> None:
        self._db = db

        @DBOS.workflow(name="hearth.job", max_recovery_attempts=MAX_RUNS)
        async def run(job_id: str) -> object:
            return await body(job_id)

        self._run = run

    def launch(self) -> None:
        """Take up what the last process left; called in a running event loop, by the leader only.

        Nothing ends it but the end of the process, which may come at any moment.
        """
        # With a handler it adds none of its own, and its records reach ours.
        logging.getLogger("dbos").addHandler(logging.NullHandler())
        config: DBOSConfig = {
            "name": "hearth",
            "system_database_url": _url(self._db),
            "dbos_system_schema": "dbos",
            "application_version": VERSION,
            "executor_id": EXECUTOR,
            "serializer": _Json(),
            "use_listen_notify": False,
            "sys_db_pool_size": CONNECTIONS,
            "log_level": "ERROR",
            "enable_otlp": False,
        }
        DBOS(config=config)
        with told_as_unavailable():
            DBOS.launch()

    async def start(self, workflow_id: str) -> None:
        """Start it; one that was ever started is left alone."""
        with told_as_unavailable(), SetWorkflowID(workflow_id):
            await DBOS.start_workflow_async(self._run, workflow_id)

    async def standing(self, workflow_id: str) -> Standing:
        """Return what has become of one."""
        with told_as_unavailable():
            status = await DBOS.get_workflow_status_async(workflow_id)
        return Standing(state="unknown") if status is None else _standing(status)

    async def forget_finished(self) -> None:
        """Delete what has returned; its outcome is in the jobs table by then."""
        with told_as_unavailable():
            finished = await DBOS.list_workflows_async(
                status="SUCCESS", load_input=False, load_output=False
            )
            await DBOS.delete_workflows_async([each.workflow_id for each in finished])


def _standing(status: WorkflowStatus) -> Standing:
    if status.status in _LIVE:
        return Standing(state="live")
    if status.status == "SUCCESS":
        return Standing(state="returned", value=status.output)
    if status.status == "MAX_RECOVERY_ATTEMPTS_EXCEEDED":
        return Standing(
            state="broken",
            reason=f"The runner ended {MAX_RUNS} times while the job ran; it is given up.",
        )
    return Standing(state="broken", reason=f"The job broke inside Hearth: {status.error}.")


def _url(db: Database) -> str:
    """PostgreSQL: a schema of the same database; SQLite, with one writer a file: a file beside."""
    if db.dialect == "postgresql":
        return db.url.render_as_string(hide_password=False)
    assert db.url.database is not None
    path = Path(db.url.database)
    return f"sqlite:///{path.with_name(f'{path.stem}.jobs.db')}"
