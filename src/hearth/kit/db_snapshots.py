"""A whole database as one file, taken while it is in use, and a database made of such a file.

SQLite by its online backup (https://www.sqlite.org/backup.html), PostgreSQL by its own tools.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy import inspect
from sqlalchemy.engine import URL

from hearth.errors import SetupError
from hearth.kit.db import Database

_REMEDY = {
    "pg_dump": "Install PostgreSQL's client tools, of the server's version or a later one.",
    "pg_restore": "Install PostgreSQL's client tools, of the version that made the backup.",
}


def snapshot(db: Database, target: Path) -> None:
    """Write the state of one moment to a new file; writers go on meanwhile.

    Raises:
        SetupError: the database cannot be read, or a tool for it is missing.
    """
    if db.dialect == "sqlite":
        copy_sqlite(Path(str(db.url.database)), target)
        return
    _run("pg_dump", db.url, ["--format=custom", "--no-owner", "--no-acl", f"--file={target}"])


def copy_sqlite(source: Path, target: Path) -> None:
    """One moment of a SQLite file, as a file that needs no other beside it.

    Raises:
        SetupError: it cannot be read or written.
    """
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as reader,
            closing(sqlite3.connect(target)) as writer,
        ):
            reader.backup(writer)  # in one step, which is one read transaction
            writer.execute("PRAGMA journal_mode=delete")
    except sqlite3.Error as error:
        raise SetupError(f"Cannot copy the database {source}: {error}.") from error


def check_sqlite(path: Path) -> None:
    """Read a SQLite file through; raises `SetupError` where it is damaged."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as conn:
            (said,) = conn.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        said = str(error)
    if said != "ok":
        raise SetupError(f"The database {path} is damaged: {said}. Use another backup.")


def restore_postgres(db: Database, dump: Path, *, is_replaced: bool) -> None:
    """Fill a PostgreSQL database from a dump, in one transaction: all of it or nothing.

    Args:
        db: where to; it may be empty.
        dump: as `snapshot` made it.
        is_replaced: whether tables that are there already are dropped first.

    Raises:
        SetupError: it cannot be filled; it is as it was before.
    """
    dropping = ["--clean", "--if-exists"] if is_replaced else []
    options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-acl", *dropping]
    _run("pg_restore", db.url, [*options, f"--dbname={_name(db.url)}", str(dump)])


def _run(tool: str, url: URL, options: list[str]) -> None:
    """Run a tool of PostgreSQL; the password goes by its environment, which others cannot read."""
    if shutil.which(tool) is None:
        raise SetupError(f"{tool} is not installed. {_REMEDY[tool]}")
    environment = {**os.environ, "PGPASSWORD": str(url.password or "")}
    if tool == "pg_dump":
        options = [*options, f"--dbname={_name(url)}"]
    done = subprocess.run([tool, *options], env=environment, capture_output=True, check=False)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()[:1]
        reason = said[0] if said else f"status {done.returncode}"
        raise SetupError(f"{reason}. {_REMEDY[tool]}")


def _name(url: URL) -> str:
    """The URL without its password and our driver's name, as PostgreSQL's tools take it."""
    plain = URL.create(
        "postgresql", url.username, None, url.host, url.port, url.database, dict(url.query)
    )
    return plain.render_as_string()


async def is_empty(db: Database) -> bool:
    """Whether an open database has no table yet."""
    async with db.read() as conn:
        return not await conn.run_sync(lambda sync: inspect(sync).get_table_names())
