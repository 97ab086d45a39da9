"""What of a home goes into a backup, in the order that makes it one state.

The journals come before the database: what they no longer hold is in the database by then, and
what both hold is applied once. Objects come last: the database names none that is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hearth.cli.backup.archive import Writer
from hearth.kit.db import Database
from hearth.kit.db_snapshots import copy_sqlite, snapshot

DATABASE = "database"
"The member that holds the state: a SQLite file, or a dump of PostgreSQL."
HOME = "home"
"The folder of the backup that becomes the home."
MODELS = "models"

_OF_THIS_RUN = {"lock", "run"}
_FIRST = {"journal", "journal-damaged"}
_SQLITE = (".db", ".db-wal", ".db-shm", ".db-journal")


def add_journals(writer: Writer, home: Path) -> None:
    """Add what gateways wrote down and the ledger may not have yet."""
    for name in sorted(_FIRST):
        _add_tree(writer, home, home / name)


def add_state(writer: Writer, db: Database, home: Path, scratch: Path) -> None:
    """Add the database, and whatever other SQLite files the home has.

    Args:
        writer: the backup.
        db: open.
        home: where else to look.
        scratch: an empty folder for the copies, on a disk with room for them.

    Raises:
        SetupError: a database cannot be copied.
    """
    copy = scratch / DATABASE
    snapshot(db, copy)
    writer.add_file(copy, DATABASE)
    copy.unlink()
    state = Path(str(db.url.database)) if db.dialect == "sqlite" else None
    for path in sorted(home.glob("*.db")):
        if state is None or not path.samefile(state):
            copy_sqlite(path, copy)
            writer.add_file(copy, f"{HOME}/{path.name}")
            copy.unlink()


def add_rest(writer: Writer, home: Path, *, with_models: bool) -> None:
    """Add every other file of the home: keys, credentials, remotes, objects; weights if wanted."""
    skipped = _OF_THIS_RUN | _FIRST | (set() if with_models else {MODELS})
    for path in sorted(home.iterdir()):
        is_temporary = path.name.startswith(".") or path.name.endswith(_SQLITE)
        if path.name not in skipped and not is_temporary:
            _add_tree(writer, home, path)


def _add_tree(writer: Writer, home: Path, top: Path) -> None:
    for path in _walk(top):
        name = f"{HOME}/{path.relative_to(home).as_posix()}"
        if path.is_dir():
            writer.add_folder(name)
        elif path.name != "lock":
            writer.add_file(path, name)


def _walk(top: Path) -> Iterator[Path]:
    """Folders and files below; links and sockets are of this machine alone."""
    if top.is_symlink():
        return
    if top.is_file():
        yield top
    elif top.is_dir():
        yield top
        try:
            inside = sorted(top.iterdir())
        except FileNotFoundError:  # a journal that was applied meanwhile
            return
        for path in inside:
            yield from _walk(path)
