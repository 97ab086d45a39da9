"""`hearth secrets`: the keys that seal what accounts keep secret."""

from __future__ import annotations

import typer

secrets = typer.Typer(help="Change the keys that seal secrets.", no_args_is_help=True)


@secrets.callback()
def _group() -> None:
    """Change the keys that seal secrets."""


@secrets.command()
def reseal() -> None:
    """Seal every secret with the newest key, so that older keys can be forgotten."""
    import asyncio

    typer.echo(f"{asyncio.run(_reseal())} secrets are sealed anew.")


async def _reseal() -> int:
    """How many secrets an older key had sealed.

    Raises:
        SetupError: a key is missing, or the database cannot be opened.
    """
    from functools import partial

    from hearth.cli.state import state
    from hearth.kit.secret_keys import load_sealer
    from hearth.secrets import SecretService
    from hearth.settings import load_settings

    settings = load_settings()
    make_sealer = partial(load_sealer, settings.home_path, settings.secret_key)
    async with state() as db:
        return await SecretService(db, make_sealer).reseal()
