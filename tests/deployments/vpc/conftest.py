"""Security groups and private deployments over HTTP, on each database; nothing is served."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from hearth.accounts import Role
from hearth.deployments import (
    DEPLOYMENT_KIND,
    Deployment,
    PrivateAddresses,
    PrivateNetworks,
    VpcCompleter,
    vpc_routes,
)
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
from tests.site import Site

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


class VpcSite(Site):
    """Two accounts, their groups and deployments."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        documents = Documents(DEPLOYMENT_KIND)
        self.networks = PrivateNetworks(db, documents, ADDRESSES)
        complete = VpcCompleter(
            deployments=documents,
            groups=self.networks.groups.documents,
            addresses=ADDRESSES,
            is_remote=lambda model, account: model == REMOTE,
        )
        deployments = Resources(db, DEPLOYMENT_KIND, VpcRules(complete))
        self.open(
            [
                *vpc_routes(self.networks, self.door, lambda: None),
                *ResourceRoutes(deployments, self.door).routes(),
            ]
        )


@pytest.fixture
async def site(db: Database) -> VpcSite:
    site = VpcSite(db)
    await site.add_accounts()
    return site


@pytest.fixture
async def acme(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A client of acme's admin."""
    key = await site.add_user("acme", "ann", Role.ADMIN)
    async with site.client(key) as client:
        yield client
