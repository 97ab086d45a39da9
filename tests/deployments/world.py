"""Deployments in virtual time: a controller without processes, and a clock that is set by hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hearth import catalog
from hearth.deployments import (
    Dedicated,
    Deployment,
    DeploymentRules,
    DeploymentService,
    FakeExecutor,
    Ground,
    Places,
    Replicas,
    store,
)
from hearth.deployments.placement import (
    AcceleratorType,
    Inventory,
    MultiRegion,
    Region,
    Stock,
)
from hearth.deployments.placement.accelerators import memory_bytes
from hearth.deployments.serving import EngineWish
from hearth.engines.protocol import WorkerSpec
from hearth.kit.db import Database
from hearth.pricing import PriceBooks
from hearth.resources import Creation

NAME = "accounts/acme/deployments/d1"
BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)


def inventory(**counts: int) -> Inventory:
    """One region with so many accelerators of each kind."""
    kinds = [(AcceleratorType(name), count) for name, count in counts.items()]
    stocks = [
        Stock(accelerator=kind, count=count, memory_bytes=memory_bytes(kind), is_emulated=True)
        for kind, count in kinds
    ]
    region = Region(
        name="us-west-2",
        contract_region="US_WASHINGTON_1",
        multi_region=MultiRegion.US,
        cloud="aws",
        place="Oregon",
        timezone="America/Los_Angeles",
        certifications=frozenset(),
        stocks=tuple(stocks),
    )
    return Inventory(regions=(region,))


def make_spec(model: str, wish: EngineWish) -> WorkerSpec:
    """A worker of the fake engine."""
    return WorkerSpec(
        replica_id="",
        address="",
        engine="fake",
        model=model,
        slots=int(wish.options.get("slots", 4)),
    )


class World:
    """A controller without processes, and a clock that is set by hand."""

    def __init__(self, db: Database, home: Path) -> None:
        self.db = db
        self.now = BEGIN
        self.executor = FakeExecutor()
        self.stopped = ""
        self.capacity = inventory(NVIDIA_H100_80GB=4)
        holdings = catalog.Holdings(catalog.ModelStore(home), catalog.Remotes(home))
        models = catalog.ServedCatalog(catalog.Catalog.load(), holdings, catalog.decide_fake)
        places = Places(lambda: self.capacity, PriceBooks(db).at)
        ground = Ground(models=models, places=places, make_spec=make_spec)
        rules = DeploymentRules(ground, clock=self.clock, now_s=self.now_s)
        self.service = DeploymentService(db, rules, clock=self.clock, now_s=self.now_s)
        self.replicas = Replicas(self.executor, lambda: None, drain_timeout_s=1.0, notice_s=0)
        self.dedicated = Dedicated(
            ground, self.replicas, self.may_spend, clock=self.clock, now_s=self.now_s
        )

    def clock(self) -> datetime:
        """The present moment."""
        return self.now

    def now_s(self) -> float:
        """The same, in Unix seconds."""
        return self.now.timestamp()

    async def may_spend(self, account_id: str) -> str:
        """Why acme may spend nothing."""
        return self.stopped

    async def create(self, deployment_id: str = "d1", **fields: object) -> Deployment:
        """Make a deployment on one H100."""
        body = {"baseModel": "llama-v3p1-8b-instruct", "acceleratorType": "h100"} | fields
        return await self.service.resources.create(
            Creation(parent="accounts/acme", id=deployment_id, body=body)
        )

    async def turn(self, *, after_s: float = 0.0) -> Deployment:
        """Let time pass and the controller look until nothing moves; return `d1`."""
        self.now += timedelta(seconds=after_s)
        for _ in range(6):
            self.now += timedelta(seconds=1)
            async with self.db.read() as conn:
                await self.dedicated.read(conn)
            await self.dedicated.converge()
            await _settle(self.replicas)
            news = self.dedicated.news()
            over = self.dedicated.over()
            async with self.db.write() as conn:
                await store.clear_replicas(conn)
                for replica in self.replicas.all():
                    await store.put_replica(conn, replica)
                await self.dedicated.record(conn, news)
                if over:
                    await self.dedicated.end_lives(conn)
            self.replicas.recorded(self.replicas.all())
        return await self.service.resources.get(NAME)


async def _settle(replicas: Replicas) -> None:
    """Give the executor's reports and the drains their turn."""
    for _ in range(20):
        await asyncio.sleep(0)
        replicas.recorded(replicas.all())
