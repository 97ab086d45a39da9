"""What makes reality follow the database: one per home, as long as it holds the home's lock."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

from hearth import catalog, deployments
from hearth.app.workers import Workers
from hearth.kit.db import Database
from hearth.settings import Settings


class Controller:
    """The reconciler, and the executor whose workers are children of this process.

    Args:
        settings: read once, passed on as values.
        db: where replicas are recorded, and models asked for.
        fake: serve every chat model by the fake engine; nothing is loaded.
    """

    def __init__(self, settings: Settings, db: Database, *, fake: bool = False) -> None:
        self._settings = settings
        self._db = db
        home = settings.home_path
        holdings = catalog.Holdings(catalog.ModelStore(home), catalog.Remotes(home))
        self._workers = Workers(settings, holdings, fake=fake)
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
        executor = deployments.LocalExecutor(
            settings.home_path, start_timeout_s=settings.engine_start_timeout_s
        )
        self._ending.callback(executor.close)
        self._reconciler = deployments.Reconciler(
            self._db, executor, self._workers.make_spec, on_change=on_change
        )
        self._ending.push_async_callback(self._reconciler.stop, settings.drain_timeout_s)
        await self._reconciler.start(models)

    async def stop(self) -> None:
        """Drain and end the workers."""
        await self._ending.aclose()

    def wake(self) -> None:
        """Look at once for what gateways ask for."""
        if self._reconciler is not None:
            self._reconciler.wake()
