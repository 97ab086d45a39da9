"""A runner of jobs in a process of its own, and what a test sees of its jobs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from hearth import jobs
from hearth.jobs import Job, JobRecord, JobState
from hearth.kit.db import Database
from tests.running import environment_for

LIMIT_S = 30
POLL_S = 0.02
HANDLERS = "tests.jobs.handlers:make_handlers"
LOCKS = (
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND "
    "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
ROOT = Path(__file__).parent.parent.parent

postgres_slowly = pytest.mark.parametrize(
    "dialect", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)
"For what the database has little to do with: each of these starts processes."


class Processes:
    """Runners and controllers of one state.

    Args:
        environment: of each.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self.log = ""
        "What those that have ended logged."
        self._environment = environment
        self._processes: list[subprocess.Popen[str]] = []

    def start_runner(self, *options: str) -> subprocess.Popen[str]:
        """Start one more; only one at a time runs jobs."""
        return self._start("hearth.app.jobs", *options, "--handlers")

    def start_controller(self) -> subprocess.Popen[str]:
        """Start one more; only one at a time leads."""
        return self._start("hearth.cli.controller", "--engine", "fake", "--job-handlers")

    def _start(self, module: str, *options: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *options, HANDLERS],
            env=self._environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._processes.append(process)
        return process

    def kill(self, process: subprocess.Popen[str]) -> None:
        """As kill -9 does."""
        process.kill()
        process.wait(LIMIT_S)

    def end(self) -> None:
        """Close every runner's input, which ends it, and tell controllers to end."""
        for process in self._processes:
            if "hearth.cli.controller" in str(process.args) and process.poll() is None:
                process.terminate()
            if process.stderr is not None and not process.stderr.closed:
                self.log += process.communicate(timeout=LIMIT_S)[1]
        self._processes.clear()
        sys.stdout.write(self.log)  # shown where a test fails


class World(Processes):
    """One state, the processes that work on it, and the jobs in it.

    Args:
        db: the state.
        url: its.
        folder: for the home, and for the traces that handlers leave.
    """

    def __init__(self, db: Database, url: str, folder: Path) -> None:
        super().__init__(environment_for(folder, 1, {"database_url": url}))
        self.db = db
        self.trace = str(folder / "trace")

    async def defer(self, kind: str, **arguments: Any) -> str:
        """Queue a job that leaves its traces here."""
        job = Job(kind=kind, account_id="acme", arguments={"trace": self.trace, **arguments})
        async with self.db.write() as conn:
            await jobs.defer(conn, job)
        return job.id

    async def job(self, job_id: str) -> JobRecord:
        """What has become of it."""
        async with self.db.read() as conn:
            return await jobs.get(conn, job_id)

    async def cancel(self, job_id: str) -> JobRecord:
        """Cancel it."""
        async with self.db.write() as conn:
            return await jobs.cancel(conn, job_id)

    async def end_of(self, job_id: str) -> JobRecord:
        """Wait for its end."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                job = await self.job(job_id)
                if job.state.is_final:
                    return job
                await asyncio.sleep(POLL_S)

    async def until_traced(self, line: str, *, times: int = 1) -> None:
        """Wait until handlers have left this line so often."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                if self.traces().count(line) >= times:
                    return
                await asyncio.sleep(POLL_S)

    async def until_running(self, job_id: str, message: str) -> None:
        """Wait until it says this of its progress."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                job = await self.job(job_id)
                if job.message == message:
                    assert job.state is JobState.RUNNING
                    return
                await asyncio.sleep(POLL_S)

    async def cut_off_the_leader(self) -> None:
        """Have PostgreSQL end the session that holds the lock of whoever leads."""
        async with self.db.write() as conn:
            await conn.execute(text(f"SELECT pg_terminate_backend(pid) FROM ({LOCKS}) AS held"))

    def traces(self) -> list[str]:
        """What handlers did, in order."""
        path = Path(self.trace)
        return path.read_text().splitlines() if path.exists() else []

    def let_go(self) -> None:
        """Open the gate."""
        Path(f"{self.trace}.go").touch()
