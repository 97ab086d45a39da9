"""A kind of resource that exists for these tests alone, over HTTP and on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial

import httpx
import pytest
from msgspec import Struct

from hearth.accounts import AccountService, Door, KeyCreate, KeySnapshot, Role, UserCreate
from hearth.errors import Conflict
from hearth.gateway.cold import ColdApp, caller_of
from hearth.gateway.metrics import Metrics
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
from tests.accounts.conftest import HandClock


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


class House:
    """Two accounts and their lamps."""

    def __init__(self, db: Database, clock: HandClock) -> None:
        self.clock = clock
        self.accounts = AccountService(db, clock)
        self.keys = KeySnapshot(db, clock)
        self.lamps = Resources(db, LAMPS, LampRules(), clock)
        door = Door(partial(caller_of, self.keys))
        self._app = ColdApp([*ResourceRoutes(self.lamps, door).routes()], Metrics())

    async def add_user(self, account_id: str, user_id: str, role: Role) -> str:
        """Make a user and return a key of theirs."""
        await self.accounts.create_user(account_id, UserCreate(role=role), user_id=user_id)
        _, secret = await self.accounts.keys.create(account_id, user_id, KeyCreate())
        await self.keys.refresh()
        return secret

    @asynccontextmanager
    async def client(self, key: str) -> AsyncIterator[httpx.AsyncClient]:
        """A client that sends this key."""
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self._app),
            base_url="http://hearth",
            headers={"authorization": f"Bearer {key}"},
        ) as client:
            yield client


@pytest.fixture
async def house(db: Database) -> House:
    house = House(db, HandClock())
    for account in ("acme", "other"):
        await house.accounts.create_account(account)
    return house


@pytest.fixture
async def acme(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A client of acme's admin."""
    key = await house.add_user("acme", "ann", Role.ADMIN)
    async with house.client(key) as client:
        yield client
