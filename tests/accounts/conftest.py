"""An account with an admin and a plain user, reached over HTTP as clients reach it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import pytest

from hearth.accounts import AccountService, KeySnapshot, Role, routes
from hearth.accounts.types import KeyCreate, UserCreate
from hearth.gateway.cold import ColdApp, caller_of
from hearth.gateway.metrics import Metrics
from hearth.kit.db import Database


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 31, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **span: float) -> None:
        self.now += timedelta(**span)


class House:
    """The feature as it is wired in a gateway, on one database."""

    def __init__(self, db: Database, clock: HandClock) -> None:
        self.db = db
        self.clock = clock
        self.service = AccountService(db, clock)
        self.keys = KeySnapshot(db, clock)
        of = partial(caller_of, self.keys)
        self._app = ColdApp(routes(self.service, of, self.keys.refresh), Metrics())

    async def add_user(self, account_id: str, user_id: str, role: Role) -> str:
        """Make a user and return a key of theirs."""
        await self.service.create_user(account_id, UserCreate(role=role), user_id=user_id)
        _, secret = await self.service.keys.create(account_id, user_id, KeyCreate())
        await self.keys.refresh()
        return secret

    @asynccontextmanager
    async def client(self, key: str | None) -> AsyncIterator[httpx.AsyncClient]:
        """A client that sends this key."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        transport = httpx.ASGITransport(app=self._app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://hearth", headers=headers, timeout=10
        ) as client:
            yield client


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def house(db: Database, clock: HandClock) -> House:
    """Two accounts, `acme` and `other`."""
    house = House(db, clock)
    await house.service.create_account("acme", display_name="Acme", email="it@acme.test")
    await house.service.create_account("other")
    return house


@pytest.fixture
async def admin(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """The client of `acme`'s admin, `ann`."""
    async with house.client(await house.add_user("acme", "ann", Role.ADMIN)) as client:
        yield client


@pytest.fixture
async def bob(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """The client of `bob`, a plain user of `acme`."""
    async with house.client(await house.add_user("acme", "bob", Role.USER)) as client:
        yield client


@pytest.fixture
async def stranger(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """The client of the admin of `other`."""
    async with house.client(await house.add_user("other", "eve", Role.ADMIN)) as client:
        yield client
