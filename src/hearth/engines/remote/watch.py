"""Whether the server is there: asked every few seconds, and at once when a request failed."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from hearth.engines.remote.http import Http
from hearth.engines.remote.kinds import Kind
from hearth.engines.remote.options import RemoteOptions
from hearth.engines.remote.upstream import Upstream, check, describe
from hearth.errors import SetupError

log = logging.getLogger(__name__)

CHECK_S = 3.0
CHECK_STRANGER_S = 15.0  # a server on the Internet, which others use too
CHECK_AWAY_S = 0.5


class Watch:
    """Watches one server.

    Args:
        upstream: what the server was at the start.
    """

    def __init__(self, http: Http, options: RemoteOptions, upstream: Upstream) -> None:
        self._http = http
        self._options = options
        self._upstream = upstream
        self._wake = asyncio.Event()
        self.away = ""
        "Why new requests are refused; empty while the server is well."

    def look_now(self) -> None:
        """Ask the server at once whether it is there."""
        self._wake.set()

    async def run(self) -> None:
        """Watch until cancelled.

        Raises:
            SetupError: a server came back that is not what it was.
        """
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._interval_s())
            self._wake.clear()
            if self.away:
                await self._look_for_its_return()
            else:
                await self._look()

    def _interval_s(self) -> float:
        if self.away:
            return CHECK_AWAY_S
        return CHECK_STRANGER_S if self._upstream.kind is Kind.OPENAI else CHECK_S

    async def _look(self) -> None:
        try:
            await check(self._http, self._options, self._upstream)
        except SetupError as error:
            log.warning("The upstream of %s is away: %s", self._options.model, error)
            self.away = "The upstream of this model is away; try again."

    async def _look_for_its_return(self) -> None:
        try:
            found = await describe(self._http, self._options)
        except SetupError:
            return
        if found != self._upstream:
            raise SetupError(f"{self._options.url} is now {found.kind} with other settings.")
        log.info("The upstream of %s is back.", self._options.model)
        self.away = ""
