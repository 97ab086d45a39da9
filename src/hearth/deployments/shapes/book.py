"""All shapes there are, looked up by name inside somebody's transaction."""

from __future__ import annotations

from hearth.catalog import ServedCatalog
from hearth.deployments.deployed_models import BaseOf
from hearth.deployments.places import Places
from hearth.deployments.shapes.catalogued import CatalogueModels, no_base
from hearth.deployments.shapes.shipped import PARENT, Shipped
from hearth.deployments.shapes.types import (
    SHAPE_KIND,
    DeploymentShapeVersion,
    Models,
    Shaped,
)
from hearth.deployments.shapes.versions import shaped_of
from hearth.kit.db import Connection
from hearth.pricing import EVERYONE
from hearth.resources import Documents


class ShapeBook:
    """Shapes that ship, and those that accounts made.

    Args:
        models: what can be deployed.
        shipped: the presets of the catalogue's models.
    """

    def __init__(self, models: Models, shipped: Shipped) -> None:
        self.models = models
        self.shipped = shipped
        self._own = Documents(SHAPE_KIND)

    @classmethod
    def of(cls, served: ServedCatalog, places: Places, base_of: BaseOf = no_base) -> ShapeBook:
        """For the models of a catalogue, and accelerators at everybody's prices."""
        models = CatalogueModels(served, base_of)
        return cls(
            models,
            Shipped(models, places.inventory, lambda: places.hourly_prices(EVERYONE)),
        )

    async def find(self, conn: Connection, name: str) -> Shaped | None:
        """A shape by its full name, whoever owns it."""
        if name.startswith(f"{PARENT}/"):
            return self.shipped.find(name)
        stored = await self._own.find(conn, name)
        return None if stored is None else shaped_of(stored)

    async def find_version(
        self, conn: Connection, name: str, *, reader: str
    ) -> DeploymentShapeVersion | None:
        """A version by its full name, if the account `reader` owns it or it is public."""
        shape_name = name.rpartition("/versions/")[0]
        shaped = await self.find(conn, shape_name)
        is_own = shape_name.startswith(f"accounts/{reader}/")
        versions = shaped.versions if shaped is not None else ()
        return next((v for v in versions if v.name == name and (is_own or v.public)), None)
