"""What makes reality follow the database: one over all processes of a state, the leader's."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial

from hearth import billing, catalog, deployments, jobs, pricing
from hearth.app.ground import make_ground, served_catalog, subject_in
from hearth.app.private import make_executor
from hearth.app.workers import Workers
from hearth.gateway.snapshots import Snapshots
from hearth.kit.db import Database
from hearth.kit.leadership import Leadership
from hearth.settings import Settings


class Controller:
    """The reconciler, the executor, and the runner of jobs; what they run are its children.

    Args:
        settings: read once, passed on as values.
        db: where replicas are recorded, and models asked for.
        leadership: held as long as this runs.
        fake: serve every chat model by the fake engine; nothing is loaded.
        job_handlers: `module:function` in place of our own kinds of jobs.
    """

    def __init__(
        self,
        settings: Settings,
        db: Database,
        leadership: Leadership,
        *,
        fake: bool = False,
        job_handlers: str = "",
    ) -> None:
        self._settings = settings
        self._db = db
        self._leadership = leadership
        self._job_handlers = job_handlers
        self._jobs: jobs.RunnerKeeper | None = None
        self._is_fake = fake
        self._ending = AsyncExitStack()
        self._reconciler: deployments.Reconciler | None = None

    async def start(self, models: list[str], *, on_change: Callable[[], None]) -> None:
        """Serve these models, and whatever gateways ask for.

        Args:
            models: full names of models whose weights are here.
            on_change: called after a replica's record changed, for a gateway in the same process.

        Raises:
            Unavailable: the database cannot be written.
        """
        settings = self._settings
        executor = make_executor(settings)
        self._ending.callback(executor.close)
        prices = await self._follow_prices()
        self._reconciler = deployments.Reconciler(
            self._db,
            self._parties(executor, prices),
            check=self._leadership.check,
            on_change=on_change,
        )
        self._ending.push_async_callback(self._reconciler.stop, settings.drain_timeout_s)
        await self._reconciler.start(models)
        self._jobs = jobs.RunnerKeeper(self._db, self._job_command(), _environment(settings))
        self._ending.push_async_callback(self._jobs.stop)
        self._jobs.start()

    def _parties(
        self, executor: deployments.Executor, prices: pricing.PriceBooks
    ) -> deployments.Parties:
        settings = self._settings
        home = settings.home_path
        holdings = catalog.Holdings(catalog.ModelStore(home), catalog.Remotes(home))
        models = served_catalog(settings, holdings, fake=self._is_fake)
        workers = Workers(settings, holdings, fake=self._is_fake)
        ground = make_ground(settings, models, workers, prices)
        deployed = deployments.DeployedModelWatch()
        ground = replace(ground, parts=replace(ground.parts, adapters=deployed.adapters))
        replicas = deployments.Replicas(
            executor, self.wake, drain_timeout_s=settings.request_timeout_s
        )
        money = billing.Billing(self._db, prices, partial(subject_in, ground.models))
        dedicated = deployments.Dedicated(ground, replicas, partial(_may_spend, money))
        return deployments.Parties(
            replicas=replicas,
            serverless=deployments.Serverless(replicas, ground.make_spec, dedicated.adapters_of),
            dedicated=dedicated,
            accounting=deployments.Accounting(self._db, replicas, prices.quote),
            samples=deployments.Samples(),
            deployed=deployed,
        )

    async def _follow_prices(self) -> pricing.PriceBooks:
        prices = pricing.PriceBooks(self._db)
        refreshers = {pricing.PRICES_VERSION: prices.refresh}
        snapshots = Snapshots(self._db, refreshers, every_poll=lambda: None)
        await snapshots.start()
        self._ending.push_async_callback(snapshots.stop)
        return prices

    async def stop(self) -> None:
        """Drain and end the workers."""
        await self._ending.aclose()

    def wake(self) -> None:
        """Look at once for what gateways ask for."""
        if self._reconciler is not None:
            self._reconciler.wake()
        if self._jobs is not None:
            self._jobs.wake()

    def _job_command(self) -> list[str]:
        command = [sys.executable, "-m", "hearth.app.jobs"]
        return [*command, "--handlers", self._job_handlers] if self._job_handlers else command


async def _may_spend(money: billing.Billing, account_id: str) -> str:
    """Why an account may hold nothing that costs; empty: it may."""
    state = await money.standing.suspend_state(account_id)
    if state == "UNSUSPENDED":
        return ""
    return (
        f"The account {account_id} is {state}: its replicas that cost are stopped. "
        "They start again once its limit is raised, or its credit covers them."
    )


def _environment(settings: Settings) -> dict[str, str]:
    """Ours, without what DBOS would read from it."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DBOS")}
    return ours | {"HEARTH_HOME": settings.home, "HEARTH_DATABASE_URL": settings.state_url}
