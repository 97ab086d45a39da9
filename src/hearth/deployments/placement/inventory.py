"""Inventories: the one that ships, an operator's own file, and this machine beside either."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct

from hearth.deployments.placement.accelerators import memory_bytes, parse_accelerator
from hearth.deployments.placement.types import (
    AcceleratorType,
    Inventory,
    MultiRegion,
    Region,
    Stock,
)
from hearth.errors import InvalidRequest, SetupError

LOCAL = "local"
"The region that is this machine."

_Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,62}\Z")]
_Count = Annotated[int, Meta(ge=1, le=1_000_000)]


class _Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A region as the file writes it."""

    name: _Name
    contract_region: Annotated[str, Meta(pattern=r"^[A-Z]+(_[A-Z0-9]+)+\Z")]
    multi_region: MultiRegion
    cloud: _Name
    place: str
    timezone: str
    certifications: tuple[_Name, ...] = ()
    emulated: bool = False
    accelerators: dict[str, _Count]


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    region: tuple[dict[str, object], ...]


def shipped_inventory() -> Inventory:
    """18 emulated regions of 8 clouds with 10,000 accelerators."""
    text = files("hearth.deployments.placement").joinpath("inventory.toml").read_text("utf-8")
    return parse_inventory(text, "inventory.toml")


def read_inventory(path: Path) -> Inventory:
    """An operator's own inventory.

    Raises:
        SetupError: the file cannot be read, or an entry does not fit.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"The inventory {path} cannot be read: {error}.") from error
    return parse_inventory(text, str(path))


def parse_inventory(text: str, source: str) -> Inventory:
    """Read the text of an inventory file.

    Raises:
        SetupError: it does not fit; the message names the file, the entry and the field.
    """
    try:
        entries = msgspec.toml.decode(text, type=_File).region
    except msgspec.MsgspecError as error:
        raise SetupError(f"{source}: {error}.") from error
    regions = tuple(
        _region(entry, f"{source}: region {entry.get('name') or number}")
        for number, entry in enumerate(entries, start=1)
    )
    names = [region.name for region in regions]
    for name in names:
        if names.count(name) > 1:
            raise SetupError(f"{source}: region {name}: `name` is there twice; rename one.")
    return Inventory(regions=regions)


def _region(entry: dict[str, object], where: str) -> Region:
    try:
        told = msgspec.convert(entry, _Entry)
    except msgspec.ValidationError as error:
        raise SetupError(f"{where}: {error}.") from error
    if told.name == LOCAL:
        raise SetupError(f"{where}: `name` is reserved for this machine; choose another.")
    if told.multi_region is MultiRegion.GLOBAL:
        raise SetupError(f"{where}: `multi_region` is US, EUROPE or APAC.")
    try:
        ZoneInfo(told.timezone)
    except (OSError, ValueError, KeyError) as error:
        raise SetupError(f"{where}: `timezone` {told.timezone!r} is no IANA name.") from error
    return Region(
        name=told.name,
        contract_region=told.contract_region,
        multi_region=told.multi_region,
        cloud=told.cloud,
        place=told.place,
        timezone=told.timezone,
        certifications=frozenset(told.certifications),
        stocks=_stocks(told, where),
    )


def _stocks(told: _Entry, where: str) -> tuple[Stock, ...]:
    stocks: dict[AcceleratorType, Stock] = {}
    for name, count in told.accelerators.items():
        try:
            kind = parse_accelerator(name)
        except InvalidRequest as error:
            raise SetupError(f"{where}: `accelerators`: {error.message}") from error
        if kind is AcceleratorType.CPU or kind in stocks:
            what = "CPU is only this machine's" if kind is AcceleratorType.CPU else "said twice"
            raise SetupError(f"{where}: `accelerators`: {name}: {what}; leave it out.")
        stocks[kind] = Stock(
            accelerator=kind,
            count=count,
            memory_bytes=memory_bytes(kind),
            is_emulated=told.emulated,
        )
    return tuple(stocks.values())


def with_local(inventory: Inventory, stocks: tuple[Stock, ...]) -> Inventory:
    """The inventory with this machine as its first region; see `local.local_stocks`."""
    region = Region(
        name=LOCAL,
        contract_region="",
        multi_region=MultiRegion.GLOBAL,
        cloud=LOCAL,
        place="this machine",
        timezone="UTC",
        certifications=frozenset(),
        stocks=stocks,
    )
    return Inventory(regions=(region, *inventory.regions))


def without_emulated(inventory: Inventory) -> Inventory:
    """Only what is really there, for profile `production`; regions that lose all are left out."""
    kept = (
        replace(region, stocks=tuple(s for s in region.stocks if not s.is_emulated))
        for region in inventory.regions
    )
    return Inventory(regions=tuple(region for region in kept if region.stocks))
