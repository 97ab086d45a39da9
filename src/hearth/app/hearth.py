"""`hearth up`: gateway and controller in one process; workers are its children."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from functools import partial

from hearth import accounts
from hearth.app.controller import Controller
from hearth.app.gateway import Gateway
from hearth.app.leading import Leading
from hearth.app.state import open_state
from hearth.errors import ModelNotFound, SetupError
from hearth.gateway.job import Route
from hearth.kit.home import take_home
from hearth.kit.leadership import Leadership
from hearth.settings import Settings


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
        self.credentials: accounts.Credentials | None = None
        "The dev profile's key; None in production."
        self.gateway: Gateway
        self.default_route: Route

    async def start(self) -> None:
        """Bring everything up except the HTTP server; the default model starts in the background.

        While a controller of another home leads, this one's gateway serves by its replicas.

        What was started is ended by `stop`, also when this raises midway.

        Raises:
            SetupError: the home, the database or the model store stops it.
        """
        settings, ending = self._settings, self._ending
        ending.callback(os.close, take_home(self.home))
        db = await open_state(settings, ending, may_migrate=True)
        base_url = settings.base_url
        service = accounts.AccountService(db)
        self.credentials = await accounts.bootstrap(service, self.home, settings.profile, base_url)
        leadership = Leadership(db, self.home)
        leading = Leading(
            leadership, partial(Controller, settings, db, leadership, fake=self.is_fake)
        )
        self.gateway = Gateway(settings, db, fake=self.is_fake, wake_controller=leading.wake)
        self.default_route = self._find_default()
        ending.push_async_callback(self.gateway.stop)
        await self.gateway.start()
        ending.push_async_callback(leading.stop)
        await leading.start([self.default_route.served_by], on_change=self.gateway.snapshots.wake)

    async def stop(self) -> None:
        """Drain the workers, write what is owed to the ledger, let go of everything."""
        await self._ending.aclose()

    def _find_default(self) -> Route:
        try:
            return self.gateway.default_route()
        except ModelNotFound as error:
            raise SetupError(
                f"HEARTH_DEFAULT_MODEL {self._settings.default_model!r} cannot be served. "
                f"{error.details} `hearth models` lists what can."
            ) from error
