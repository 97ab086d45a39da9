"""The schema's history, and the one function that brings a database up to date.

At head, which is nearly every start, nothing of Alembic is imported.
"""

from __future__ import annotations

from sqlalchemy import Connection

from hearth.kit.db import Database
from hearth.migrations.history import alembic_config, changes_after, revision_of

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
        if await conn.run_sync(revision_of) != HEAD:
            await conn.run_sync(_upgrade)


async def is_current(db: Database) -> bool:
    """Whether the schema is at `HEAD`."""
    async with db.read() as conn:
        return await conn.run_sync(revision_of) == HEAD


def _upgrade(conn: Connection) -> None:
    from alembic import command

    changes_after(revision_of(conn))  # refuses what a newer Hearth wrote
    config = alembic_config()
    config.attributes["connection"] = conn
    command.upgrade(config, "head")
