"""The state of this machine's Hearth, for commands that need no server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hearth.kit.db import Database


@asynccontextmanager
async def state() -> AsyncIterator[Database]:
    """The database of the settings, which is made or brought up to date if need be.

    Raises:
        SetupError: it cannot be made or opened.
    """
    from hearth.kit.db import Database
    from hearth.kit.home import make_home
    from hearth.migrations import migrate
    from hearth.settings import load_settings

    settings = load_settings()
    if not settings.database_url:
        make_home(settings.home_path)
    db = Database(settings.state_url)
    try:
        await db.open()
        await migrate(db)
        yield db
    finally:
        await db.close()
