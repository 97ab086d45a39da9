"""The schema's history, and how far a database has come in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection, inspect, text

from hearth.errors import SetupError
from hearth.kit.db import Database

if TYPE_CHECKING:
    from alembic.config import Config


class Change(NamedTuple):
    """One step of the schema's history."""

    revision: str
    summary: str


async def pending(db: Database) -> list[Change]:
    """The changes that `migrate` would make, the first one first.

    Raises:
        SetupError: a newer Hearth wrote the database.
        Unavailable: it cannot be read.
    """
    async with db.read() as conn:
        return changes_after(await conn.run_sync(revision_of))


def revision_of(conn: Connection) -> str | None:
    """The last change that was made to a database; None for one that is empty."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    revision: str | None = conn.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def changes_after(revision: str | None) -> list[Change]:
    """The changes that follow one, all of them for None.

    Raises:
        SetupError: a newer Hearth made that one.
    """
    history = every_change()
    if revision is None:
        return history
    known = [change.revision for change in history]
    if revision not in known:
        raise SetupError(
            f"The database is at revision {revision}, which this Hearth does not know: "
            "a newer one wrote it. Upgrade Hearth, or point HEARTH_HOME at another folder."
        )
    return history[known.index(revision) + 1 :]


def every_change() -> list[Change]:
    """Every change there is, the oldest first."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(alembic_config()).walk_revisions()  # the newest first
    return [Change(script.revision, script.doc) for script in scripts][::-1]


def alembic_config() -> Config:
    """Where Alembic finds the history."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
