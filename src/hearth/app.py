"""The composition root: the one place that knows every part and wires them by hand.

`Hearth` is one process with both roles, gateway and controller; workers are its children.
"""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, cast

from hearth import accounts, catalog, deployments, metering, migrations
from hearth.engines.protocol import WorkerSpec
from hearth.errors import ModelNotFound, SetupError
from hearth.gateway.chat import ChatCompletions
from hearth.gateway.cold import ColdApp, caller_of
from hearth.gateway.completions import Completions
from hearth.gateway.dispatch import Dispatcher, Edge, Handler
from hearth.gateway.embeddings import Embeddings
from hearth.gateway.fleet import Fleet
from hearth.gateway.inference import Inference
from hearth.gateway.messages.create import Messages
from hearth.gateway.metrics import Metrics
from hearth.gateway.openapi import RouteRow, openapi_route, route_rows
from hearth.gateway.request_log import RequestLog
from hearth.gateway.rerank import Rerank
from hearth.gateway.response_cache import ResponseCache
from hearth.gateway.responses.archive import Archive
from hearth.gateway.responses.create import Responses
from hearth.gateway.responses.routes import response_routes
from hearth.gateway.routes import health_routes, model_routes
from hearth.gateway.routing import Router
from hearth.gateway.snapshots import Snapshots
from hearth.kit.db import Database
from hearth.kit.home import take_home
from hearth.kit.processes import run_module
from hearth.settings import Settings

HOT_ROUTES = {
    "/chat/completions": "Answer a conversation with the assistant's next turn.",
    "/completions": "Continue one or more prompts.",
    "/messages": "Answer a conversation as Anthropic's API does.",
    "/responses": "Go on with a conversation that may be kept here.",
    "/embeddings": "Turn inputs into vectors.",
    "/rerank": "Order documents by how well they fit a query.",
}
"""What the dispatcher serves itself, by canonical path."""

FAKE_MODEL = "fake"
"The name under which the fake engine serves, where it stands in for every chat model."
FAKE_VECTORS = "fake-embedding"
"The same for embedding models."


class Hearth:
    """One process with both roles.

    Args:
        settings: read once, passed on as values.
        fake: serve every chat model by the fake engine; nothing is loaded.
    """

    def __init__(self, settings: Settings, *, fake: bool = False) -> None:
        self._settings = settings
        self.is_fake = fake
        self._ending = AsyncExitStack()
        self.home = settings.home_path
        self.metrics = Metrics()
        self.credentials: accounts.Credentials | None = None
        "The dev profile's key; None in production."
        self.dispatcher: Dispatcher
        self.fleet: Fleet
        self.default_model: str

    async def start(self) -> None:
        """Bring everything up except the HTTP server; the default model starts in the background.

        What was started is ended by `stop`, also when this raises midway.

        Raises:
            SetupError: the home, the database or the model store stops it.
        """
        settings, ending = self._settings, self._ending
        ending.callback(os.close, take_home(self.home))
        self._db = Database(settings.state_url)
        await self._db.open()
        ending.push_async_callback(self._db.close)
        if not await migrations.is_current(self._db):
            await _migrate(settings)
        await metering.replay(self.home, self._db)
        service = accounts.AccountService(self._db)
        base_url = f"http://{settings.host}:{settings.port}"
        self.credentials = await accounts.bootstrap(service, self.home, settings.profile, base_url)
        store, remotes = catalog.ModelStore(self.home), catalog.Remotes(self.home)
        self._holdings = catalog.Holdings(store, remotes)
        self.router = self._make_router()
        self.default_model = self._find_default()
        inference = await self._start_metering()
        await self._start_snapshots()
        await self._start_controller()
        self.dispatcher = self._make_dispatcher(service, inference)

    async def stop(self) -> None:
        """Drain the workers, write what is owed to the ledger, let go of everything."""
        await self._ending.aclose()

    def _make_router(self) -> Router:
        shipped = catalog.Catalog.load()
        if self.is_fake:
            return Router(shipped, self._holdings, catalog.decide_fake)
        known = shipped.with_local(self._holdings.list())
        stand_ins = known.stand_ins(chat=self._settings.default_model)
        decide = partial(catalog.decide, profile=self._settings.profile, stand_ins=stand_ins)
        return Router(shipped, self._holdings, decide)

    def _find_default(self) -> str:
        """Whose weights answer for the default model."""
        name = self._settings.default_model
        try:
            return self.router.route(name, "fireworks").served_by
        except ModelNotFound as error:
            raise SetupError(
                f"HEARTH_DEFAULT_MODEL {name!r} cannot be served. {error.details} "
                "`hearth models` lists what can."
            ) from error

    async def _start_metering(self) -> Inference:
        settings = self._settings
        journal = metering.Journal(self.home, mode=settings.journal_mode)
        self._applier = metering.Applier(journal, self._db)
        self._applier.start()
        self._ending.push_async_callback(self._applier.close)
        self.fleet = Fleet(
            self._request_model,
            max_queued=settings.max_queued_requests,
            wait_s=settings.engine_start_timeout_s,
        )
        self._ending.push_async_callback(self.fleet.close)
        inference = Inference(
            self.fleet,
            journal,
            self.metrics,
            ResponseCache(settings.response_cache_bytes),
            timeout_s=settings.request_timeout_s,
        )
        self._ending.push_async_callback(inference.close)
        return inference

    async def _start_snapshots(self) -> None:
        self._keys = accounts.KeySnapshot(self._db)
        self._snapshots = Snapshots(
            self._db,
            {"keys": self._keys.refresh, deployments.REPLICAS: self._refresh_fleet},
            every_poll=self.router.refresh,
        )
        await self._snapshots.start()
        self._ending.push_async_callback(self._snapshots.stop)

    async def _start_controller(self) -> None:
        settings = self._settings
        executor = deployments.LocalExecutor(
            self.home, start_timeout_s=settings.engine_start_timeout_s
        )
        self._ending.callback(executor.close)
        self._reconciler = deployments.Reconciler(
            self._db, executor, self._make_spec, on_change=self._snapshots.wake
        )
        self._ending.push_async_callback(self._reconciler.stop, settings.drain_timeout_s)
        await self._reconciler.start([self.default_model])

    def _make_dispatcher(
        self, service: accounts.AccountService, inference: Inference
    ) -> Dispatcher:
        settings, metrics, router = self._settings, self.metrics, self.router
        is_strict, may_emulate = settings.strict_fields, settings.profile == "dev"
        archive = Archive(self._db)
        hot: dict[str, Handler] = {
            "/chat/completions": ChatCompletions(
                router, inference, is_strict=is_strict, may_emulate=may_emulate
            ),
            "/completions": Completions(router, inference, is_strict=is_strict),
            "/messages": Messages(router, inference, is_strict=is_strict, may_emulate=may_emulate),
            "/responses": Responses(
                router, inference, archive, is_strict=is_strict, may_emulate=may_emulate
            ),
            "/embeddings": Embeddings(router, inference, is_strict=is_strict),
            "/rerank": Rerank(router, inference, is_strict=is_strict),
        }
        of = partial(caller_of, self._keys)
        routes = [
            *model_routes(router, of),
            *response_routes(archive, of),
            *accounts.routes(service, of, self._keys.refresh),
            *health_routes(self),
        ]
        routes.append(openapi_route(route_rows(HOT_ROUTES, routes), is_strict=is_strict))
        edge = Edge(
            keys=self._keys,
            max_body_bytes=settings.max_body_bytes,
            metrics=metrics,
            request_log=RequestLog(with_bodies=settings.log_requests),
        )
        return Dispatcher(hot, ColdApp(routes, metrics), edge, frozenset({"/responses"}))

    def not_ready(self) -> str | None:
        """Why inference requests cannot be served now, or None."""
        if self.fleet.is_ready(self.default_model):
            return None
        return f"No replica of {self.default_model} is ready."

    def metrics_page(self) -> tuple[bytes, str]:
        """The Prometheus page and its content type."""
        from hearth.gateway import metrics_page  # its library is only for who scrapes

        return metrics_page.render(self.metrics, self.fleet, self._applier.lag), (
            metrics_page.CONTENT_TYPE
        )

    async def _refresh_fleet(self) -> None:
        async with self._db.read() as conn:
            self.fleet.refresh(await deployments.list_replicas(conn))

    async def _request_model(self, model: str) -> None:
        await deployments.request_model(self._db, model)
        self._reconciler.wake()

    def _make_spec(self, model: str) -> WorkerSpec:
        """Say how a worker for a model's weights is run.

        Raises:
            SetupError: its weights are not here.
        """
        settings = self._settings
        common = partial(
            WorkerSpec, replica_id="", address="", model=model, slots=settings.engine_slots
        )
        held = self._holdings.find(model)
        if isinstance(held, catalog.Remote):
            return common(engine="remote", options=held.options)
        if self.is_fake:
            is_vectors = model == FAKE_VECTORS
            return common(
                engine="fake-embedding" if is_vectors else "fake", context_tokens=1_000_000
            )
        if held is None:
            raise SetupError(f"The weights of {model} are not here; run `hearth pull {model}`.")
        if catalog.engine_of(held) == "embedding":
            return common(
                engine="embedding",
                path=str(held.path),
                threads=settings.engine_threads or num_cores(),
            )
        return common(
            engine="llamacpp",
            path=str(held.path),
            # One sequence leaves a core to the gateway: it loses little, and threads that wait for
            # each other on a busy core lose nearly everything. Several sequences take all cores.
            threads=settings.engine_threads or max(1, num_cores() - 1),
            options={"batch_threads": settings.engine_threads or num_cores()},
            context_tokens=settings.engine_context_tokens,
        )


def route_table() -> list[RouteRow]:
    """Every route; the reference is made from it."""
    nothing = cast(Any, None)  # Any: the routes are listed, never called
    service = accounts.AccountService(Database("sqlite:////nothing-opens-it"))
    return route_rows(
        HOT_ROUTES,
        [
            *model_routes(nothing, nothing),
            *response_routes(nothing, nothing),
            *accounts.routes(service, nothing),
            *health_routes(nothing),
            openapi_route([], is_strict=False),
        ],
    )


def num_cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0))


async def _migrate(settings: Settings) -> None:
    """Bring the schema up to date in a process of its own, which takes its libraries with it."""
    environment = os.environ | {
        "HEARTH_HOME": settings.home,
        "HEARTH_DATABASE_URL": settings.state_url,
    }
    if await run_module("hearth.migrations", env=environment) != 0:
        raise SetupError("The database could not be brought up to date; see above.")
