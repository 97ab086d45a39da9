"""The two commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hearth.cli.backup.archive import Manifest

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup, such as hearth.tar.")]


def backup(
    file: File,
    *,
    with_models: Annotated[
        bool, typer.Option("--with-models", help="Add the weights, which can be pulled again.")
    ] = False,
) -> None:
    """Write the whole state into one file, while Hearth runs; it holds keys: keep it safe."""
    from hearth.cli.backup.making import make

    manifest = make(file, with_models=with_models)
    typer.echo(f"{file}: {_size(manifest)}, of Hearth {manifest.hearth}.")
    for left_out in manifest.left_out:
        typer.echo(f"Not in it: {left_out}", err=True)


def restore(
    file: File,
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put aside what the home or database holds now.")
    ] = False,
) -> None:
    """Bring a backup back into HEARTH_HOME, all of it or nothing; no Hearth may run there."""
    import asyncio

    from hearth.cli.backup.restoring import bring_back

    restored = asyncio.run(bring_back(file, is_replaced=replace))
    typer.echo(f"Restored {_size(restored.manifest)} of {restored.manifest.create_time}.")
    typer.echo(restored.books)
    if restored.put_aside is not None:
        typer.echo(f"What was there before is {restored.put_aside}; remove it when all is well.")
    for left_out in restored.manifest.left_out:
        typer.echo(f"Not in the backup: {left_out}", err=True)


def _size(manifest: Manifest) -> str:
    size_bytes = sum(member.size_bytes for member in manifest.members)
    return f"{len(manifest.members)} files, {size_bytes / 1e6:.1f} MB"
