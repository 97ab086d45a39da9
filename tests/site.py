"""Routes as a gateway serves them, with accounts and keys, on one database and without a server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
from starlette.routing import Route

from hearth.accounts import AccountService, Door, KeyCreate, KeySnapshot, Role, UserCreate
from hearth.gateway.cold import ColdApp, caller_of
from hearth.gateway.metrics import Metrics
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Database

BASE = "http://hearth"


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 31, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **span: float) -> None:
        self.now += timedelta(**span)


class Site:
    """Accounts whose users call the routes that were opened."""

    def __init__(self, db: Database, clock: Clock = utc_now) -> None:
        self.db = db
        self.accounts = AccountService(db, clock)
        self.keys = KeySnapshot(db, clock)
        self.caller = partial(caller_of, self.keys)
        self.door = Door(self.caller)
        self.key_ids: dict[str, str] = {}
        self.app = ColdApp([], Metrics())

    def open(self, routes: Sequence[Route]) -> None:
        """Serve these."""
        self.app = ColdApp(routes, Metrics())

    async def add_accounts(self) -> None:
        """Make the accounts `acme` and `other`."""
        for account_id in ("acme", "other"):
            await self.accounts.create_account(account_id)

    async def add_user(self, account_id: str, user_id: str, role: Role) -> str:
        """Make a user and return a key of theirs."""
        spec = UserCreate(role=role, email=f"{user_id}@{account_id}.test")
        await self.accounts.create_user(account_id, spec, user_id=user_id)
        key, secret = await self.accounts.keys.create(account_id, user_id, KeyCreate())
        self.key_ids[user_id] = key.key_id
        await self.keys.refresh()
        return secret

    @asynccontextmanager
    async def client(self, key: str | None) -> AsyncIterator[httpx.AsyncClient]:
        """A client that sends this key, or none."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app), base_url=BASE, headers=headers, timeout=30
        ) as client:
            yield client

    @asynccontextmanager
    async def user(
        self, account_id: str = "acme", role: Role = Role.ADMIN
    ) -> AsyncIterator[httpx.AsyncClient]:
        """The client of a new user, named after their role."""
        async with self.client(await self.add_user(account_id, role.value, role)) as client:
            yield client
