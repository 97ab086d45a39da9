"""Two accounts and their secrets, over HTTP and on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from hearth.accounts import AccountService, Door, KeyCreate, KeySnapshot, Role, UserCreate
from hearth.gateway.cold import ColdApp, caller_of
from hearth.gateway.metrics import Metrics
from hearth.kit.db import Database
from hearth.kit.secret_keys import load_sealer
from hearth.secrets import SecretService, routes


class House:
    """The feature as it is wired in a gateway."""

    def __init__(self, db: Database, home: Path) -> None:
        self.db = db
        self.home = home
        self.accounts = AccountService(db)
        self.keys = KeySnapshot(db)
        self.secrets = SecretService(db, partial(load_sealer, home))
        door = Door(partial(caller_of, self.keys))
        self._app = ColdApp(routes(self.secrets, door), Metrics())

    async def add_user(self, account_id: str, user_id: str, role: Role) -> str:
        """Make a user and return a key of theirs."""
        await self.accounts.create_user(account_id, UserCreate(role=role), user_id=user_id)
        _, secret = await self.accounts.keys.create(account_id, user_id, KeyCreate())
        await self.keys.refresh()
        return secret

    @asynccontextmanager
    async def client(self, account_id: str, user_id: str, role: Role) -> AsyncIterator[Client]:
        """A client of a new user."""
        key = await self.add_user(account_id, user_id, role)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self._app),
            base_url="http://hearth",
            headers={"authorization": f"Bearer {key}"},
        ) as client:
            yield client


Client = httpx.AsyncClient


@pytest.fixture
async def house(db: Database, tmp_path: Path) -> House:
    house = House(db, tmp_path / "home")
    for account in ("acme", "other"):
        await house.accounts.create_account(account)
    return house


@pytest.fixture
async def acme(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a plain user of acme."""
    async with house.client("acme", "bob", Role.USER) as client:
        yield client
