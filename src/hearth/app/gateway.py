"""What one gateway is made of: all that answers HTTP, and nothing that runs a model."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from random import Random

from hearth import accounts, billing, catalog, deployments, limits, metering, pricing
from hearth.app.adapters import base_of_adapters, make_deployed_models
from hearth.app.ground import make_ground, served_catalog
from hearth.app.model_parts import make_imports, make_models
from hearth.app.private import PrivateSide
from hearth.app.routes import BOTH_PLANES, Behind, cold_routes, hot_handlers
from hearth.app.workers import Workers
from hearth.errors import ModelNotFound
from hearth.gateway.balancing import Balancer
from hearth.gateway.cold import ColdApp
from hearth.gateway.dedicated import DedicatedRoutes
from hearth.gateway.dispatch import Dispatcher, Edge
from hearth.gateway.fleet import Fleet
from hearth.gateway.inference import Books, Inference
from hearth.gateway.job import Route
from hearth.gateway.metrics import Metrics
from hearth.gateway.private_cold import PrivateCold
from hearth.gateway.request_log import RequestLog
from hearth.gateway.response_cache import ResponseCache
from hearth.gateway.responses.archive import Archive
from hearth.gateway.routing import Named, Router
from hearth.gateway.snapshots import Snapshots
from hearth.gateway.till import Till
from hearth.kit.db import Database
from hearth.limits import BudgetWatch
from hearth.settings import Settings


def _nobody() -> None:
    """Wakes the controller of another process: it looks by itself."""


class Gateway:
    """Any number of them may serve one home and database, each in a process of its own.

    Args:
        settings: read once, passed on as values.
        db: open, and up to date.
        fake: route every chat model to the fake engine, as the controller runs it.
        wake_controller: called when a model was asked for, for a controller in the same process.
    """

    def __init__(
        self,
        settings: Settings,
        db: Database,
        *,
        fake: bool = False,
        wake_controller: Callable[[], None] = _nobody,
    ) -> None:
        self._settings = settings
        self._db = db
        self._wake_controller = wake_controller
        self._ending = AsyncExitStack()
        home = settings.home_path
        self._holdings = catalog.Holdings(catalog.ModelStore(home), catalog.Remotes(home))
        self.metrics = Metrics()
        self._budgets = BudgetWatch(db, num_fullest=settings.metrics_accounts)
        self._is_fake = fake
        self._dedicated = DedicatedRoutes(db)
        self.private = PrivateSide(settings, db)
        self._balancer = Balancer(
            db,
            lambda pool: self.fleet.load_of(pool),
            self._request_pool,
            random=Random(),  # noqa: S311 # no secret
        )
        self._models = served_catalog(settings, self._holdings, fake=fake)
        self.router = self._make_router()
        self.dispatcher: Dispatcher
        self.fleet: Fleet
        self.snapshots: Snapshots

    async def start(self) -> None:
        """Bring up all that requests need; what was started is ended by `stop`, also when this
        raises midway.

        Raises:
            Unavailable: the database went away.
            OSError: the home cannot be written.
        """
        await self._recover()
        inference = await self._start_metering()
        recovery = metering.Recovery(self._recover)
        recovery.start()
        self._ending.push_async_callback(recovery.close)
        await self._start_snapshots()
        self.dispatcher = self._make_dispatcher(inference)

    async def stop(self) -> None:
        """Cut what still runs, write what is owed to the ledger, let go of everything."""
        await self._ending.aclose()

    def _make_router(self) -> Router:
        named = Named(
            deployments=self._dedicated, private=self.private.endpoints, balancer=self._balancer
        )
        return Router(self._models, named)

    def default_route(self) -> Route:
        """Where requests for the default model go.

        Raises:
            ModelNotFound: nobody's; the details say why, and the remedy.
        """
        return self.router.route(self._settings.default_model, "fireworks")

    async def _start_metering(self) -> Inference:
        settings, db = self._settings, self._db
        journal = metering.Journal(settings.home_path, mode=settings.journal_mode)
        self._journal = journal
        self._clock = journal.clock
        self._prices = pricing.PriceBooks(db)
        self._limits = limits.Limits(
            db,
            journal.instance,
            recover=self._recover,
            is_here=limits.journals_in(settings.home_path),
        )
        self._limits.start()
        self._ending.push_async_callback(self._limits.close)
        self._applier = metering.Applier(journal, db, self._limits.leases)
        self._applier.start()
        self._ending.push_async_callback(self._applier.close)
        self.fleet = Fleet(
            self._request_pool,
            max_queued=settings.max_queued_requests,
            wait_s=settings.engine_start_timeout_s,
        )
        self._ending.push_async_callback(self.fleet.close)
        self._ending.push_async_callback(self._balancer.close)
        inference = Inference(
            self.fleet,
            Till(self._prices, self._limits, self._clock.now_ns),
            Books(
                journal=journal,
                metrics=self.metrics,
                access=self.private.access,
                now_ns=self._clock.now_ns,
            ),
            ResponseCache(settings.response_cache_bytes),
            timeout_s=settings.request_timeout_s,
        )
        self._ending.push_async_callback(self.private.access.close)
        self._ending.push_async_callback(inference.close)
        return inference

    async def _recover(self) -> None:
        """Bring in what dead gateways of this home left; what they held of limits is free then."""
        await metering.replay(self._settings.home_path, self._db, on_dead=limits.release)

    async def _start_snapshots(self) -> None:
        self._keys = accounts.KeySnapshot(self._db)
        self.snapshots = Snapshots(
            self._db,
            {
                "keys": self._keys.refresh,
                deployments.REPLICAS: self._refresh_fleet,
                deployments.DEPLOYMENTS: self._refresh_dedicated,
                pricing.PRICES_VERSION: self._prices.refresh,
                limits.QUOTAS: self._limits.refresh,
            },
            every_poll=self.router.refresh,
        )
        await self.snapshots.start()
        self._ending.push_async_callback(self.snapshots.stop)

    def _make_dispatcher(self, inference: Inference) -> Dispatcher:
        settings = self._settings
        money = billing.Billing(self._db, self._prices, self.router.subject)
        state_of = money.standing.suspend_state
        own = make_models(settings, self._db, self.router, wake=self._wake_controller)
        workers = Workers(settings, self._holdings, fake=self._is_fake)
        ground = make_ground(settings, self._models, workers, self._prices)
        behind = Behind(
            settings=settings,
            router=self.router,
            archive=Archive(self._db),
            keys=self._keys,
            accounts=accounts.AccountService(self._db, suspend_state_of=state_of),
            billing=money,
            db=self._db,
            models=own,
            imports=make_imports(settings, self._db, own),
            deployments=deployments.DeploymentService(
                self._db, deployments.DeploymentRules(ground)
            ),
            deployed=make_deployed_models(self._db, ground.models, own),
            regions=deployments.Regions(self._db, ground.places),
            shapes=deployments.Shapes.over(
                self._db,
                deployments.ShapeBook.of(ground.models, ground.places, base_of_adapters(own)),
            ),
            private_networks=self.private.networks,
            deployments_changed=self._deployments_changed,
            limits_changed=self._limits.refresh,
            health=self,
        )
        edge = Edge(
            keys=self._keys,
            max_body_bytes=settings.max_body_bytes,
            metrics=self.metrics,
            request_log=RequestLog(
                with_bodies=settings.log_requests, withholds=self.private.endpoints.withholds
            ),
        )
        everybody = ColdApp(cold_routes(behind), self.metrics)
        cold = PrivateCold(everybody, self.private.endpoints, self._keys, self.metrics)
        return Dispatcher(hot_handlers(behind, inference), cold, edge, BOTH_PLANES)

    def _deployments_changed(self) -> None:
        self.snapshots.wake()
        self._wake_controller()

    def not_ready(self) -> str | None:
        """Why inference requests cannot be served now, or None."""
        try:
            pool = self.default_route().pool
        except ModelNotFound as error:
            return f"The default model cannot be served. {error.details}"
        if self.fleet.is_ready(pool):
            return None
        return f"No replica of {pool} is ready. `hearth up` starts one; does it run?"

    async def metrics_page(self) -> tuple[bytes, str]:
        """The Prometheus page and its content type."""
        from hearth.gateway import metrics_page  # its library is only for who scrapes

        watched = metrics_page.Watched(
            metrics=self.metrics,
            fleet=self.fleet,
            books=metrics_page.Books(journal=self._journal, applier=self._applier),
            money=metrics_page.Money(
                holdings=self._limits.holdings,
                budgets=await self._budgets.look(),
                price_version=self._prices.at(pricing.EVERYONE, self._clock.now_ns()).version,
            ),
        )
        return metrics_page.render(watched), metrics_page.CONTENT_TYPE

    async def _refresh_fleet(self) -> None:
        async with self._db.read() as conn:
            self.fleet.refresh(await deployments.list_replicas(conn))

    async def _refresh_dedicated(self) -> None:
        await self.private.refresh()
        await self._dedicated.refresh()
        await self._balancer.refresh()
        self.router.forget_routes()

    async def _request_pool(self, pool: str) -> None:
        await deployments.request_pool(self._db, pool)
        await self._refresh_fleet()  # it may have come meanwhile
        self._wake_controller()
