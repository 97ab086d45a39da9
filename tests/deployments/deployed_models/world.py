"""Accounts with a tiny base model and its adapters, and the routes that load them; no process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Literal

import httpx

from hearth.catalog import (
    Catalog,
    CatalogModel,
    Holding,
    Holdings,
    ModelStore,
    Remotes,
    ServedCatalog,
    Serving,
    decide,
    plan_pull,
)
from hearth.deployments import (
    DEPLOYMENT_KIND,
    DeployedModels,
    DeployedModelWatch,
    Deployment,
    FakeExecutor,
    Loading,
    Replicas,
    deployed_model_routes,
)
from hearth.engines.protocol import Adapter, WorkerSpec
from hearth.kit.db import Connection, Database
from hearth.resources import Creation, FreeRules, Resources
from tests.catalog.peft_folders import random_matrices, write_peft
from tests.engines.models import write_tiny_model
from tests.site import Site

BASE = "accounts/acme/models/tiny"
Decide = Callable[[CatalogModel, Mapping[str, Holding]], Serving]
BY_WEIGHTS: Decide = partial(decide, profile="production", stand_ins={})


class World:
    """What a test of deployed models stands on.

    Args:
        db: open, and up to date.
        home: where the weights of `tiny`, `twin` (both bases), `first` and `second` (adapters of
            tiny) are, all of the account `acme`.
        decide: says how models are served.
    """

    def __init__(self, db: Database, home: Path, *, decide: Decide = BY_WEIGHTS) -> None:
        self.db = db
        self.home = home
        self.store = ModelStore(home)
        self.bases = {f"accounts/acme/models/{name}": BASE for name in ("first", "second")}
        "What adapters say they are for."
        served = ServedCatalog(
            Catalog.load(),
            Holdings(self.store, Remotes(home)),
            decide,
        )
        self.deployed = DeployedModels(db, Loading(served, self.store, self._base_of))
        self.deployments = Resources(db, DEPLOYMENT_KIND, FreeRules[Deployment]())
        self.callers = Site(db)
        self.callers.open(deployed_model_routes(self.deployed, self.callers.caller))
        self.watch = DeployedModelWatch()
        self.executor = FakeExecutor(is_automatic=False)
        self.replicas = Replicas(self.executor, lambda: None, drain_timeout_s=1)

    async def _base_of(self, _: Connection, name: str) -> str:
        return self.bases.get(name, "")

    async def start(self) -> None:
        """Make the accounts, their weights and a deployment of tiny."""
        await self.callers.add_accounts()
        tiny = write_tiny_model(self.home / "tiny.gguf")
        self.pull(tiny, "tiny")
        self.pull(write_tiny_model(self.home / "twin.gguf", seed=2), "twin")
        for seed, name in enumerate(("first", "second")):
            self.pull(write_peft(self.home / name, random_matrices(tiny, seed=seed)), name)
        await self.deploy("d1")

    def pull(self, source: Path, name: str, account_id: str = "acme") -> None:
        """Bring weights into the store."""
        catalog = Catalog.load()
        self.store.pull(plan_pull(catalog, str(source), account_id=account_id, as_id=name))

    async def deploy(self, name: str, base: str = BASE, account_id: str = "acme") -> str:
        """Make a deployment, which nothing serves."""
        new = Creation(parent=f"accounts/{account_id}", id=name, body={"baseModel": base})
        return (await self.deployments.create(new)).name

    @asynccontextmanager
    async def api(self, account_id: str = "acme") -> AsyncIterator[httpx.AsyncClient]:
        """A client of an account's deployed models."""
        async with self.callers.user(account_id) as client:
            client.base_url = httpx.URL(f"http://hearth/accounts/{account_id}")
            yield client

    # --- The reconciler's side ---------------------------------------------------------------

    async def look(self) -> dict[str, tuple[Adapter, ...]]:
        """What is to be loaded, by pool."""
        async with self.db.read() as conn:
            return await self.watch.adapters(conn)

    async def record(self) -> None:
        """Keep how the deployed models stand."""
        async with self.db.write() as conn:
            await self.watch.record(conn, self.watch.news(self.replicas))

    def run(
        self,
        pool: str,
        adapters: tuple[Adapter, ...],
        engine: Literal["fake", "llamacpp"] = "fake",
    ) -> str:
        """Start a replica of a pool; `executor` says when it is ready."""
        spec = WorkerSpec(
            replica_id="", address="", engine=engine, model=BASE, adapters=list(adapters)
        )
        return self.replicas.start(pool, spec).id

    async def equip(self, pool: str, *adapters: Adapter) -> None:
        """Let what runs have these, as the reconciler does, and wait until it was tried."""
        self.replicas.adapters.equip(self.replicas.of(pool), adapters, version="")
        for _ in range(5):
            await asyncio.sleep(0)
