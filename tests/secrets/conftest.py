"""Two accounts and their secrets, over HTTP and on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from hearth.accounts import Role
from hearth.kit.db import Database
from hearth.kit.secret_keys import load_sealer
from hearth.secrets import SecretService, routes
from tests.site import Site


class House(Site):
    """The feature as it is wired in a gateway."""

    def __init__(self, db: Database, home: Path) -> None:
        super().__init__(db)
        self.home = home
        self.secrets = SecretService(db, partial(load_sealer, home))
        self.open(routes(self.secrets, self.door))


@pytest.fixture
async def house(db: Database, tmp_path: Path) -> House:
    house = House(db, tmp_path / "home")
    await house.add_accounts()
    return house


@pytest.fixture
async def acme(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a plain user of acme."""
    async with house.user(role=Role.USER) as client:
        yield client
