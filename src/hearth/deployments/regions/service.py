"""What can be said of the regions of an inventory at this moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hearth.deployments.placement import Free, Prices, Region, Stock
from hearth.deployments.places import Places
from hearth.deployments.regions.types import AcceleratorView, RegionView
from hearth.deployments.store import list_replicas
from hearth.errors import NotFound
from hearth.kit.db import Database
from hearth.kit.listing import Field, select_page, struct_fields
from hearth.kit.pages import ListQuery, Page
from hearth.pricing import format_usd

_FIELDS: Mapping[str, Field[Any]] = {  # Any: as `struct_fields` gives them
    **struct_fields(RegionView),
    "accelerators": Field(
        kind="text",
        of=lambda view: ",".join(each.accelerator_type for each in view.accelerators),
    ),
    "certifications": Field(kind="text", of=lambda view: ",".join(view.certifications)),
}
"Lists can be asked which regions have a kind of accelerator: `accelerators:H100`."


class Regions:
    """The regions of an inventory, with what replicas leave free of them.

    Args:
        db: where replicas are recorded.
        places: every region, and what it costs an account.
    """

    def __init__(self, db: Database, places: Places) -> None:
        self._db = db
        self._places = places
        self._inventory = places.inventory

    async def list(self, account_id: str, query: ListQuery) -> Page[RegionView]:
        """A page of them, by name; raises `InvalidRequest`."""
        views = await self._views(account_id, self._inventory.regions)
        return select_page(views, _FIELDS, ["name"], query, scope="regions")

    async def get(self, account_id: str, region_id: str) -> RegionView:
        """One, by our name or the contract's; raises `NotFound`."""
        for region in self._inventory.regions:
            if region_id in {region.name, region.contract_region}:
                return (await self._views(account_id, (region,)))[0]
        known = ", ".join(region.name for region in self._inventory.regions)
        raise NotFound(f"There is no region {region_id[:80]!r}. Known are {known}.")

    async def _views(self, account_id: str, regions: tuple[Region, ...]) -> Sequence[RegionView]:
        async with self._db.read() as conn:
            free = self._places.free(await list_replicas(conn))
        prices = self._places.hourly_prices(account_id)
        return [_view(region, f"accounts/{account_id}", free, prices) for region in regions]


def _view(region: Region, parent: str, free: Free, prices: Prices) -> RegionView:
    return RegionView(
        name=f"{parent}/regions/{region.name}",
        display_name=region.place,
        region=region.contract_region,
        multi_region=region.multi_region,
        cloud=region.cloud,
        timezone=region.timezone,
        certifications=sorted(region.certifications),
        emulated=all(stock.is_emulated for stock in region.stocks),
        accelerators=[
            _accelerators(stock, free[region.name, stock.accelerator], prices)
            for stock in region.stocks
        ],
    )


def _accelerators(stock: Stock, free: int, prices: Prices) -> AcceleratorView:
    price = prices.get(stock.accelerator)
    return AcceleratorView(
        accelerator_type=stock.accelerator,
        count=stock.count,
        free=free,
        emulated=stock.is_emulated,
        price_per_hour="" if price is None else format_usd(price).removeprefix("$"),
        share_bytes=stock.share_bytes,
    )
