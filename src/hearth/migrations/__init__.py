"""The schema's history, and the one function that brings a database up to date.

At head, which is nearly every start, nothing of Alembic is imported.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from hearth.errors import SetupError
from hearth.kit.db import Database

HEAD = "0007"
"The newest revision under `versions/`; a test keeps the two equal."


async def migrate(db: Database) -> None:
    """Bring the schema to `HEAD`; safe to run from several processes at once.

    Raises:
        SetupError: the state was written by a newer Hearth.
    """
    if await is_current(db):
        return
    async with db.schema_change() as conn:
        # Another process may have been faster while we waited for the lock.
        if await conn.run_sync(_revision) != HEAD:
            await conn.run_sync(_upgrade)


async def is_current(db: Database) -> bool:
    """Whether the schema is at `HEAD`."""
    async with db.read() as conn:
        return await conn.run_sync(_revision) == HEAD


def _revision(conn: Connection) -> str | None:
    if not inspect(conn).has_table("alembic_version"):
        return None
    revision: str | None = conn.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def _upgrade(conn: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    revision = _revision(conn)
    if revision is not None and revision not in known:
        raise SetupError(
            f"The database is at revision {revision}, which this Hearth does not know: "
            "a newer one wrote it. Upgrade Hearth, or point HEARTH_HOME at another folder."
        )
    config.attributes["connection"] = conn
    command.upgrade(config, "head")
