"""`hearth migrate`: the schema brought up to date by hand, or only looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hearth.migrations.history import Change


def migrate(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is missing; exit 1 if anything is.")
    ] = False,
) -> None:
    """Bring the database up to date, as `hearth up` does by itself."""
    import asyncio

    changes = asyncio.run(_migrate(is_check=check))
    if not changes:
        typer.echo("The database is up to date.")
        return
    for change in changes:
        typer.echo(f"{change.revision}  {change.summary}")
    if check:
        typer.echo(f"{len(changes)} changes are missing: run `hearth migrate`.", err=True)
        raise typer.Exit(1)
    typer.echo(f"The database is up to date: {len(changes)} changes were made.")


async def _migrate(*, is_check: bool) -> list[Change]:
    """What was missing.

    Raises:
        SetupError: the database cannot be opened, or a newer Hearth wrote it.
    """
    from hearth import migrations
    from hearth.kit.db import Database
    from hearth.kit.home import make_home
    from hearth.migrations.history import every_change, pending
    from hearth.settings import load_settings

    settings = load_settings()
    if not settings.database_url:
        if is_check and not (settings.home_path / "state.db").exists():
            return every_change()  # looking must not make it
        make_home(settings.home_path)
    db = Database(settings.state_url)
    try:
        await db.open()
        changes = await pending(db)
        if changes and not is_check:
            await migrations.migrate(db)
        return changes
    finally:
        await db.close()
