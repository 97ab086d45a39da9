"""`python -m hearth.migrations`: bring the database up to date, in a process of its own.

So the server never carries Alembic, which it needs once a release.
"""

from __future__ import annotations

import asyncio
import sys

from hearth.errors import SetupError
from hearth.kit.db import Database
from hearth.migrations import migrate
from hearth.settings import load_settings


async def _migrate() -> None:
    db = Database(load_settings().state_url)
    try:
        await migrate(db)
    finally:
        await db.close()


if __name__ == "__main__":
    try:
        asyncio.run(_migrate())
    except SetupError as error:
        sys.exit(f"hearth: {error}")
