from __future__ import annotations

from hearth.kit.db import Database
from hearth.kit.versions import bump, read_versions


async def test_each_bump_moves_its_own_version_only(db: Database) -> None:
    async with db.write() as conn:
        await bump(conn, "keys")
        await bump(conn, "prices")
    async with db.write() as conn:
        await bump(conn, "keys")

    assert await read_versions(db) == {"keys": 2, "prices": 1}
