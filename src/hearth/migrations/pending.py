"""What a database lacks of the newest schema, for who wants to know before it is changed."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, inspect, text

from hearth.errors import SetupError
from hearth.kit.db import Database


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
        present = await conn.run_sync(_revision)
    history = every_change()
    known = [change.revision for change in history]
    if present is None:
        return history
    if present not in known:
        raise SetupError(
            f"The database is at revision {present}, which this Hearth does not know: "
            "a newer one wrote it. Upgrade Hearth, or point HEARTH_HOME at another folder."
        )
    return history[known.index(present) + 1 :]


def _revision(conn: Connection) -> str | None:
    if not inspect(conn).has_table("alembic_version"):
        return None
    revision: str | None = conn.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def every_change() -> list[Change]:
    """Every change there is, the oldest first."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config).walk_revisions()  # the newest first
    return [Change(script.revision, script.doc) for script in scripts][::-1]
