"""Listens on a port of its own for every private deployment that has one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Set

import uvicorn

from hearth.errors import SetupError
from hearth.gateway.server import BACKLOG, bind

log = logging.getLogger(__name__)

POLL_S = 0.25


class PrivatePorts:
    """Opens and closes listeners of a server as deployments come and go.

    Every gateway of a machine listens on every port: the kernel spreads connections over them.

    Args:
        server: that serves what comes; it closes what is open at its end.
        host: the address to listen on.
        wanted: the ports, at any time.
    """

    def __init__(self, server: uvicorn.Server, host: str, wanted: Callable[[], Set[int]]) -> None:
        self._server = server
        self._host = host
        self._wanted = wanted
        self._open: dict[int, asyncio.Server] = {}
        self._busy: set[int] = set()

    async def follow(self) -> None:
        """Keep to what is wanted, until cancelled."""
        while not self._server.should_exit:
            if self._server.started:
                await self._step()
            await asyncio.sleep(POLL_S)

    async def _step(self) -> None:
        wanted = self._wanted()
        for port in self._open.keys() - wanted:
            listener = self._open.pop(port)
            listener.close()
            self._server.servers.remove(listener)
        for port in sorted(wanted - self._open.keys()):
            try:
                await self._listen(port)
                self._busy.discard(port)
            except SetupError as error:
                if port not in self._busy:  # said once; tried until it works
                    log.warning("A private deployment is without its port: %s", error)
                self._busy.add(port)

    async def _listen(self, port: int) -> None:
        server, config = self._server, self._server.config
        listener = bind(self._host, port, is_shared=True)
        self._open[port] = opened = await asyncio.get_running_loop().create_server(
            lambda: config.http_protocol_class(  # type: ignore[call-arg]
                config=config,
                server_state=server.server_state,
                app_state=server.lifespan.state,
            ),
            sock=listener,
            ssl=config.ssl,
            backlog=BACKLOG,
        )
        server.servers.append(opened)
