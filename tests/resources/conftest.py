"""A kind of resource that exists for these tests alone, over HTTP and on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import httpx
import pytest
from msgspec import Struct

from hearth.accounts import Role
from hearth.errors import Conflict
from hearth.kit.db import Connection, Database
from hearth.resources import (
    Asking,
    Draft,
    FreeRules,
    Kind,
    ResourceRoutes,
    Resources,
    Stored,
)
from tests.site import HandClock, Site


class Size(Struct, frozen=True, kw_only=True, rename="camel"):
    """A part of a lamp that has parts itself."""

    height_cm: int = 10
    weight_kg: float = 1.0


class Lamp(Struct, frozen=True, kw_only=True, rename="camel"):
    """Something with a field of every sort."""

    name: str
    display_name: str = ""
    state: str = "READY"
    is_lit: bool = False
    size: Size = Size()
    labels: dict[str, str] = {}
    base: str = ""
    etag: str = ""
    create_time: datetime | None = None
    update_time: datetime | None = None
    delete_time: datetime | None = None
    created_by: str = ""


LAMPS = Kind(
    collection="lamps",
    noun="Lamp",
    type=Lamp,
    id_param="lampId",
    output_only=frozenset({"isLit"}),
    immutable=frozenset({"base"}),
    restorable_s=3600.0,
)


class LampRules(FreeRules[Lamp]):
    """Lamps that are in use stay."""

    async def deleting(self, conn: Connection, stored: Stored[Lamp], asking: Asking) -> Draft[Lamp]:
        """Refuse, unless checks are to be ignored."""
        if stored.resource.labels.get("in-use") and not asking.flag("ignoreChecks"):
            raise Conflict(f"{stored.name} is in use; put it out first, or pass ignoreChecks.")
        return await super().deleting(conn, stored, asking)


class House(Site):
    """Two accounts and their lamps."""

    def __init__(self, db: Database, clock: HandClock) -> None:
        super().__init__(db, clock)
        self.clock = clock
        self.lamps = Resources(db, LAMPS, LampRules(), clock)
        self.open([*ResourceRoutes(self.lamps, self.door).routes()])


@pytest.fixture
async def house(db: Database) -> House:
    house = House(db, HandClock())
    await house.add_accounts()
    return house


@pytest.fixture
async def acme(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A client of acme's admin."""
    key = await house.add_user("acme", "ann", Role.ADMIN)
    async with house.client(key) as client:
        yield client
