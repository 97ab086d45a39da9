"""The `hearth` command. Each command imports what it needs only when it runs."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from hearth.cli.attach import attach, detach
from hearth.cli.audit import audit
from hearth.cli.backup.command import backup, restore
from hearth.cli.billing import accounts, credit
from hearth.cli.conformance import conformance
from hearth.cli.doctor.command import doctor
from hearth.cli.invoice import invoice, usage
from hearth.cli.keys import keys
from hearth.cli.ledger import ledger
from hearth.cli.limits import limits
from hearth.cli.migrate import migrate
from hearth.cli.models import models
from hearth.cli.prices import prices
from hearth.cli.pull import pull
from hearth.cli.secrets import secrets
from hearth.cli.simulate import simulate
from hearth.errors import HearthError

app = typer.Typer(
    name="hearth",
    help="The Fireworks AI platform on your own machines.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def up(
    port: Annotated[int | None, typer.Option(help="Listen here instead of HEARTH_PORT.")] = None,
    engine: Annotated[
        str, typer.Option(help="Engine of the default model: auto or fake.")
    ] = "auto",
    gateways: Annotated[
        int, typer.Option(min=1, help="How many gateway processes share the port.")
    ] = 1,
) -> None:
    """Start everything on this machine and serve until Ctrl-C."""
    _become("hearth.cli.up", port, "--engine", engine, "--gateways", str(gateways))


@app.command()
def gateway(
    port: Annotated[int | None, typer.Option(help="Listen here instead of HEARTH_PORT.")] = None,
    engine: Annotated[
        str, typer.Option(help="As `hearth up` was started with: auto or fake.")
    ] = "auto",
    share_port: Annotated[
        bool, typer.Option("--share-port", help="Share the port with other gateways that do.")
    ] = False,
) -> None:
    """Serve beside a running `hearth up`, with its home and database, until Ctrl-C."""
    _become("hearth.cli.gateway", port, "--engine", engine, *["--share-port"] * share_port)


@app.command()
def controller(
    engine: Annotated[
        str, typer.Option(help="As the gateways were started with: auto or fake.")
    ] = "auto",
) -> None:
    """Run the controller alone, for gateways of its home; one more than leads waits its turn."""
    _become("hearth.cli.controller", None, "--engine", engine)


def _become(module: str, port: int | None, *arguments: str) -> NoReturn:
    """Go on as a fresh process image: a server does not carry the command line's modules along."""
    if port is not None:
        os.environ["HEARTH_PORT"] = str(port)
    sys.stdout.flush()
    command = [sys.executable, "-m", module, *arguments]
    os.execv(sys.executable, command)  # noqa: S606  # our own interpreter, fixed arguments


app.command()(pull)
app.command()(models)
app.command()(attach)
app.command()(detach)
app.command()(conformance)
app.command()(audit)
app.command()(backup)
app.command()(restore)
app.command()(doctor)
app.command()(migrate)
app.command()(simulate)
app.command()(usage)
app.add_typer(keys, name="keys")
app.add_typer(accounts, name="accounts")
app.add_typer(credit, name="credits")
app.add_typer(invoice, name="invoice")
app.add_typer(limits, name="limits")
app.add_typer(ledger, name="ledger")
app.add_typer(prices, name="prices")
app.add_typer(secrets, name="secrets")


@app.command()
def env() -> None:
    """Print the exports that point any client here: eval $(hearth env)."""
    from hearth.cli.env import print_env

    print_env()


@app.command()
def settings() -> None:
    """List every setting, its value and what it does."""
    from hearth.cli.settings import print_settings

    print_settings()


@app.command()
def version() -> None:
    """Print the version."""
    from hearth import __version__

    typer.echo(__version__)


def main() -> None:
    """Run the command line; an error of ours is one line on standard error."""
    try:
        app()
    except HearthError as error:
        typer.echo(f"hearth: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
