"""`hearth ledger`: the books of this Hearth, checked on the database itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from hearth.metering import Difference, LedgerCheck

ledger = typer.Typer(help="Check the books.", no_args_is_help=True)


@ledger.callback()
def _group() -> None:
    """Check the books."""


@ledger.command()
def verify() -> None:
    """Add all rows up again and compare with the sums; Hearth may run meanwhile."""
    import asyncio

    check = asyncio.run(_check())
    for outcome, num_rows in check.num_rows.items():
        typer.echo(f"{num_rows:>12,}  {outcome}")
    if not check.differences:
        typer.echo(f"{sum(check.num_rows.values()):>12,}  rows: every sum is what they add up to.")
        return
    for difference in check.differences:
        typer.echo(_line(difference), err=True)
    typer.echo(
        "Somebody wrote into the database: these sums are not what the rows add up to.", err=True
    )
    raise typer.Exit(1)


def _line(difference: Difference) -> str:
    missing = ", ".join(f"{name} by {value:,}" for name, value in difference.missing.items())
    return f"{difference.table} {' '.join(filter(None, difference.key))}: short of {missing}"


async def _check() -> LedgerCheck:
    """Check the database of the settings.

    Raises:
        SetupError: it cannot be opened, or is of another version of Hearth.
    """
    from hearth import metering, migrations
    from hearth.errors import SetupError
    from hearth.kit.db import Database
    from hearth.settings import load_settings

    settings = load_settings()
    db = Database(settings.state_url)
    try:
        await db.open()
        if not await migrations.is_current(db):
            raise SetupError("The database is of another version: run `hearth up` first.")
        return await metering.verify(db)
    finally:
        await db.close()
