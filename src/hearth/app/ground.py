"""What deployments stand on in every process: models, places, and how workers are told."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from hearth import catalog, deployments
from hearth.app.private import private_parts
from hearth.app.workers import Workers, text_engines
from hearth.pricing import PriceBooks, Subject, Unit
from hearth.settings import Settings


def served_catalog(
    settings: Settings, holdings: catalog.Holdings, *, fake: bool
) -> catalog.ServedCatalog:
    """The catalogue, and how each model is served on this machine."""
    shipped = catalog.Catalog.load()
    if fake:
        return catalog.ServedCatalog(shipped, holdings, catalog.decide_fake)
    known = shipped.with_local(holdings.list())
    stand_ins = known.stand_ins(chat=settings.default_model)
    decide = partial(
        catalog.decide,
        profile=settings.profile,
        stand_ins=stand_ins,
        engines=text_engines(settings),
    )
    return catalog.ServedCatalog(shipped, holdings, decide)


def make_ground(
    settings: Settings, models: catalog.ServedCatalog, workers: Workers, prices: PriceBooks
) -> deployments.Ground:
    """Put together what the rules of deployments and the reconciler work with."""
    places = deployments.Places(partial(inventory_of, settings), prices.at)
    shapes = deployments.ShapeCompleter(deployments.ShapeBook.of(models, places))
    private = private_parts(settings, models)
    return deployments.Ground(
        models=models,
        places=places,
        make_spec=workers.make_spec,
        parts=replace(
            private,
            completers=(shapes, *private.completers),
            users=(*private.users, deployments.router_in_use),
        ),
    )


def inventory_of(settings: Settings) -> deployments.Inventory:
    """This machine, and in profile `dev` the emulated regions; or what an operator's file says.

    Raises:
        SetupError: that file cannot be read.
    """
    if settings.inventory:
        inventory = deployments.read_inventory(Path(settings.inventory).expanduser())
    else:
        inventory = deployments.shipped_inventory()
    inventory = deployments.with_local(inventory, deployments.local_stocks())
    if settings.profile == "production":
        return deployments.without_emulated(inventory)
    return inventory


def subject_in(models: catalog.ServedCatalog, name: str, unit: Unit) -> Subject | None:
    """A model as price books see it, counted in a unit; None: it is not known."""
    found = models.find(name, name.removeprefix("accounts/").partition("/")[0])
    return None if found is None else catalog.subject_of(found.model, unit)
