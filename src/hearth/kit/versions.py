"""Version rows: how the snapshots held in memory learn that the tables behind them changed.

A writer bumps the row in the transaction that makes the change; a snapshot compares numbers.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, select, text

from hearth.kit.columns import TEXT
from hearth.kit.db import Connection, Database, metadata

versions = Table(
    "versions",
    metadata,
    Column("name", TEXT, primary_key=True),
    Column("version", BigInteger, nullable=False),
)

_BUMP = text(
    "INSERT INTO versions (name, version) VALUES (:name, 1) "
    "ON CONFLICT (name) DO UPDATE SET version = versions.version + 1"
)


async def bump(conn: Connection, name: str) -> None:
    """Say, within the caller's transaction, that what `name` stands for has changed."""
    await conn.execute(_BUMP, {"name": name})


async def read_versions(db: Database) -> dict[str, int]:
    """The version of everything ever bumped; what is absent has never changed."""
    async with db.read() as conn:
        return await list_versions(conn)


async def list_versions(conn: Connection) -> dict[str, int]:
    """The same, beside whatever else is read."""
    rows = await conn.execute(select(versions.c.name, versions.c.version))
    return {row.name: row.version for row in rows}
