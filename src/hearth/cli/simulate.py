"""`hearth simulate`: a day of load on the regions, in virtual time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from hearth.deployments.simulation import Loss


def simulate(  # noqa: PLR0913 # options of a command
    *,
    hours: Annotated[int, typer.Option(min=1, max=168, help="How long, in virtual time.")] = 24,
    seed: Annotated[int, typer.Option(help="The same seed gives the same day.")] = 1,
    deployments: Annotated[int, typer.Option(min=1, max=5000, help="How many are called.")] = 54,
    spike: Annotated[
        float, typer.Option(min=1, max=100, help="How high spikes go; 1: there are none.")
    ] = 3.0,
    lose: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REGION@HOUR+HOURS",
            help="Lose a region, such as us-east-1@14+3. Default: the first, at 14 for 3 hours.",
        ),
    ] = None,
    keep_all: Annotated[bool, typer.Option("--keep-all", help="Lose no region.")] = False,
    inventory: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Your own regions; else those shipped.")
    ] = None,
    output: Annotated[Literal["text", "json"], typer.Option("--output", "-o")] = "text",
) -> None:
    """Simulate a day of load: what is served, dropped, waited for and paid, hour by hour."""
    import msgspec

    from hearth.deployments.placement import hourly_prices, read_inventory, shipped_inventory
    from hearth.deployments.simulation import Scenario, render
    from hearth.deployments.simulation import simulate as run
    from hearth.pricing import shipped_book

    known = read_inventory(inventory) if inventory else shipped_inventory()
    losses = [] if keep_all else [_loss(text) for text in lose or [f"{known.regions[0].name}@14+3"]]
    report = run(
        Scenario(
            inventory=known,
            prices=hourly_prices(shipped_book()),
            hours=hours,
            seed=seed,
            num_deployments=deployments,
            spike=spike,
            losses=tuple(losses),
        )
    )
    if output == "json":
        typer.echo(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        typer.echo(render(report))


def _loss(text: str) -> Loss:
    from hearth.deployments.simulation import Loss
    from hearth.errors import InvalidRequest

    region, _, when = text.partition("@")
    from_h, _, hours = when.partition("+")
    try:
        return Loss(region=region, from_h=float(from_h), hours=float(hours))
    except ValueError as error:
        raise InvalidRequest(
            f"--lose {text}: it is written as REGION@HOUR+HOURS, such as us-east-1@14+3.",
            param="lose",
        ) from error
