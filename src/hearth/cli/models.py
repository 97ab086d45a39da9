"""`hearth models`: what can be named, what is here, and who answers."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hearth.catalog import CatalogModel, Serving, Weights


def models(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False
) -> None:
    """List the models of the catalogue and of this machine, and how each is served."""
    from hearth.catalog import (
        Catalog,
        Holdings,
        ModelStore,
        Remotes,
        TextEngines,
        decide,
        has_native,
    )
    from hearth.settings import load_settings

    settings = load_settings()
    store = ModelStore(settings.home_path)
    here = {weights.name: weights for weights in store.list()}
    held = {each.name: each for each in Holdings(store, Remotes(settings.home_path)).list()}
    catalog = Catalog.load().with_local(held.values())
    stand_ins = catalog.stand_ins(chat=settings.default_model)
    engines = TextEngines(prefers=settings.text_engine, has_native=has_native())
    decided = partial(
        decide, holdings=held, profile=settings.profile, stand_ins=stand_ins, engines=engines
    )
    rows = [(model, here.get(model.name), decided(model)) for model in catalog.models]
    if as_json:
        typer.echo(json.dumps([_as_json(*row) for row in rows], indent=2))
    else:
        _print_table(rows)


def _as_json(model: CatalogModel, weights: Weights | None, serving: Serving) -> dict[str, object]:
    return {
        "name": model.name,
        "kind": model.kind,
        "type": model.type,
        "category": model.category,
        "is_here": weights is not None,
        "callable": serving.callable,
        "served_by": serving.served_by,
        "is_stand_in": serving.is_stand_in,
        "reason": serving.reason,
        "remedy": serving.remedy,
        "size_bytes": weights.size_bytes if weights else None,
        "path": str(weights.path) if weights else None,
    }


def _print_table(rows: list[tuple[CatalogModel, Weights | None, Serving]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("Model", "Type", "Here", "Callable", "Served by", "Size", box=None)
    for model, weights, serving in rows:
        table.add_row(
            _short(model.name),
            model.type,
            "yes" if weights else "no",
            "yes" if serving.callable else "no",
            _served_by(serving),
            f"{weights.size_bytes / 1e6:.0f} MB" if weights else "",
        )
    is_terminal = typer.get_text_stream("stdout").isatty()
    Console(width=None if is_terminal else 160).print(table)


def _served_by(serving: Serving) -> str:
    if serving.served_by is None:
        return serving.details
    if serving.is_stand_in:
        return f"stand-in {_short(serving.served_by)}"
    if serving.remote is not None:
        return f"{serving.remote.model} at {serving.remote.url}"
    return "itself"


def _short(name: str) -> str:
    """A full name in its short form: `fireworks/llama-v3p1-8b-instruct`."""
    _, account, _, model_id = name.split("/")
    return f"{account}/{model_id}"
