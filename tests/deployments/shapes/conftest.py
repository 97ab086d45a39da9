"""Shapes of the shipped catalogue in the shipped regions, and two accounts beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from hearth.catalog import (
    Catalog,
    Holdings,
    ModelStore,
    Remotes,
    ServedCatalog,
    decide_fake,
)
from hearth.deployments.placement import AcceleratorType, shipped_inventory
from hearth.deployments.shapes.book import ShapeBook
from hearth.deployments.shapes.catalogued import CatalogueModels
from hearth.deployments.shapes.completing import ShapeCompleter
from hearth.deployments.shapes.routes import ShapeRoutes
from hearth.deployments.shapes.service import Shapes
from hearth.deployments.shapes.shipped import Shipped
from hearth.kit.db import Connection, Database
from tests.site import HandClock, Site

PRICES = {
    AcceleratorType.NVIDIA_A100_80GB: 2_900_000_000,
    AcceleratorType.NVIDIA_H100_80GB: 5_800_000_000,
    AcceleratorType.NVIDIA_H200_141GB: 9_990_000_000,
    AcceleratorType.AMD_MI300X_192GB: 4_990_000_000,
}
"Of the price book that ships, per hour."
ADAPTER = "accounts/acme/models/polite"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The feature as it is wired in a gateway."""

    db: Database
    book: ShapeBook
    completer: ShapeCompleter
    callers: Site


async def base_of(_: Connection, name: str) -> str:
    """What the one adapter that there is was trained on."""
    return {ADAPTER: "llama-v3p1-8b-instruct"}.get(name, "")


@pytest.fixture
async def setting(db: Database, tmp_path: Path) -> Setting:
    holdings = Holdings(ModelStore(tmp_path), Remotes(tmp_path))
    models = CatalogueModels(ServedCatalog(Catalog.load(), holdings, decide_fake), base_of)
    book = ShapeBook(models, Shipped(models, shipped_inventory(), lambda: PRICES))
    shapes = Shapes.over(db, book, HandClock())
    callers = Site(db)
    callers.open(ShapeRoutes(shapes, callers.caller).routes())
    await callers.add_accounts()
    return Setting(db=db, book=book, completer=ShapeCompleter(book), callers=callers)


@pytest.fixture
async def acme(setting: Setting) -> AsyncIterator[httpx.AsyncClient]:
    """The admin of acme."""
    async with setting.callers.user() as client:
        yield client


@pytest.fixture
async def other(setting: Setting) -> AsyncIterator[httpx.AsyncClient]:
    """The admin of the other account."""
    async with setting.callers.user("other") as client:
        yield client
