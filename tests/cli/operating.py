"""The operator's commands, run in this process on a home of a test's choice."""

from __future__ import annotations

import os
from pathlib import Path

import typer
from typer.testing import CliRunner, Result

from hearth.cli.backup import backup, restore
from hearth.cli.doctor import doctor
from hearth.cli.migrate import migrate
from hearth.cli.secrets import secrets

_app = typer.Typer()
for command in (backup, doctor, migrate, restore):
    _app.command()(command)
_app.add_typer(secrets, name="secrets")


def run(home: Path, *arguments: str, **settings: str) -> Result:
    """Run a command; whatever it raises is raised."""
    environment: dict[str, str | None] = {
        name: None for name in os.environ if name.startswith("HEARTH_")
    }
    environment |= {f"HEARTH_{name.upper()}": value for name, value in settings.items()}
    done = CliRunner().invoke(_app, list(arguments), env=environment | {"HEARTH_HOME": str(home)})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done
