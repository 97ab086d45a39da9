"""Security groups and private deployments over HTTP, on each database; nothing is served."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest

from hearth.accounts import AccountService, Door, KeyCreate, KeySnapshot, Role, UserCreate
from hearth.deployments import (
    DEPLOYMENT_KIND,
    Deployment,
    PrivateAddresses,
    PrivateNetworks,
    VpcCompleter,
    vpc_routes,
)
from hearth.gateway.cold import ColdApp, caller_of
from hearth.gateway.metrics import Metrics
from hearth.kit.db import Connection, Database
from hearth.resources import (
    Asking,
    Documents,
    Draft,
    FreeRules,
    ResourceRoutes,
    Resources,
    Stored,
)

ADDRESSES = PrivateAddresses(domain="hearth.internal", ports=range(9001, 9003))
REMOTE = "accounts/acme/models/attached"


class VpcRules(FreeRules[Deployment]):
    """Of deployments, only what their `vpc` asks for."""

    def __init__(self, complete: VpcCompleter) -> None:
        self._complete = complete

    async def creating(
        self, conn: Connection, draft: Draft[Deployment], asking: Asking
    ) -> Draft[Deployment]:
        return Draft(resource=await self._complete(conn, draft.resource, asking))

    async def updating(
        self,
        conn: Connection,
        before: Stored[Deployment],
        after: Draft[Deployment],
        asking: Asking,
    ) -> Draft[Deployment]:
        return Draft(resource=await self._complete(conn, after.resource, asking))


class Site:
    """Two accounts, their groups and deployments."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.accounts = AccountService(db)
        self.keys = KeySnapshot(db)
        documents = Documents(DEPLOYMENT_KIND)
        self.networks = PrivateNetworks(db, documents, ADDRESSES)
        complete = VpcCompleter(
            deployments=documents,
            groups=self.networks.groups.documents,
            addresses=ADDRESSES,
            is_remote=lambda model, account: model == REMOTE,
        )
        deployments = Resources(db, DEPLOYMENT_KIND, VpcRules(complete))
        door = Door(partial(caller_of, self.keys))
        routes = [
            *vpc_routes(self.networks, door, lambda: None),
            *ResourceRoutes(deployments, door).routes(),
        ]
        self._app = ColdApp(routes, Metrics())

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
async def site(db: Database) -> Site:
    site = Site(db)
    for account in ("acme", "other"):
        await site.accounts.create_account(account)
    return site


@pytest.fixture
async def acme(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A client of acme's admin."""
    key = await site.add_user("acme", "ann", Role.ADMIN)
    async with site.client(key) as client:
        yield client
