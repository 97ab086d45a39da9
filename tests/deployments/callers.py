"""Two accounts whose users call routes over HTTP, on one database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import httpx
from starlette.requests import Request
from starlette.routing import Route

from hearth.accounts import AccountService, Caller, KeyCreate, KeySnapshot, Role, UserCreate
from hearth.gateway.cold import ColdApp, caller_of
from hearth.gateway.metrics import Metrics
from hearth.kit.db import Database
from tests.accounts.conftest import HandClock

ACCOUNTS = ("acme", "other")

MakeRoutes = Callable[[Callable[[Request], Caller]], Sequence[Route]]


class Callers:
    """The accounts `acme` and `other`; `make_routes` says what they may call."""

    def __init__(self, db: Database, make_routes: MakeRoutes) -> None:
        self.clock = HandClock()
        self._accounts = AccountService(db, self.clock)
        self._keys = KeySnapshot(db, self.clock)
        self._app = ColdApp([*make_routes(partial(caller_of, self._keys))], Metrics())

    async def start(self) -> None:
        """Make the accounts."""
        for account_id in ACCOUNTS:
            await self._accounts.create_account(account_id)

    @asynccontextmanager
    async def client(
        self, account_id: str = "acme", role: Role = Role.ADMIN
    ) -> AsyncIterator[httpx.AsyncClient]:
        """The client of a new user, named after its role."""
        await self._accounts.create_user(account_id, UserCreate(role=role), user_id=role.value)
        _, secret = await self._accounts.keys.create(account_id, role.value, KeyCreate())
        await self._keys.refresh()
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self._app),
            base_url="http://hearth",
            headers={"authorization": f"Bearer {secret}"},
        ) as client:
            yield client
