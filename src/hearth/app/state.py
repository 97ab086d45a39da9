"""The database that a process works on: opened, and at the schema this package knows."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack

from hearth import migrations
from hearth.errors import SetupError
from hearth.kit.db import Database
from hearth.kit.processes import run_module
from hearth.settings import Settings


async def open_state(settings: Settings, ending: AsyncExitStack, *, may_migrate: bool) -> Database:
    """Open the database; `ending` closes it.

    Args:
        may_migrate: bring the schema up to date; only the controller does.

    Raises:
        SetupError: it cannot be opened, or its schema is not the one this Hearth knows.
    """
    db = Database(settings.state_url)
    ending.push_async_callback(db.close)
    await db.open()
    if await migrations.is_current(db):
        return db
    if not may_migrate:
        raise SetupError(
            "The database does not have the schema that this Hearth knows: "
            "`hearth up` makes it and brings it up to date; start that first."
        )
    await _migrate(settings)
    return db


async def _migrate(settings: Settings) -> None:
    """Bring the schema up to date in a process of its own, which takes its libraries with it."""
    environment = os.environ | {
        "HEARTH_HOME": settings.home,
        "HEARTH_DATABASE_URL": settings.state_url,
    }
    if await run_module("hearth.migrations", env=environment) != 0:
        raise SetupError("The database could not be brought up to date; see above.")
