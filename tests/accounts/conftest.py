"""An account with an admin and a plain user, reached over HTTP as clients reach it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from hearth.accounts import Role, routes
from hearth.kit.db import Database
from tests.site import HandClock, Site


class House(Site):
    """The feature as it is wired in a gateway, on one database."""

    def __init__(self, db: Database, clock: HandClock) -> None:
        super().__init__(db, clock)
        self.clock = clock
        self.service = self.accounts
        self.open(routes(self.accounts, self.caller, self.keys.refresh))


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
