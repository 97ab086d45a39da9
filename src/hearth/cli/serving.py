"""The HTTP server of a process that serves until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from hearth.app.gateway import Gateway
from hearth.app.private import tls_of
from hearth.gateway.private_ports import PrivatePorts
from hearth.gateway.server import make_server
from hearth.settings import Settings

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Serving:
    """Serves on one socket, and on those of private deployments.

    Args:
        gateway: that has started.
        settings: addresses, TLS, and the limits of bodies and of draining.

    Raises:
        SetupError: TLS cannot be spoken as the settings want it.
    """

    def __init__(self, gateway: Gateway, settings: Settings) -> None:
        self._server = make_server(
            gateway.dispatcher,
            body_timeout_s=settings.body_timeout_s,
            drain_timeout_s=settings.drain_timeout_s,
            tls=tls_of(settings),
        )
        endpoints = gateway.private.endpoints
        self._private = PrivatePorts(self._server, settings.host, lambda: endpoints.ports)

    async def run(
        self, listener: socket.socket, introduce: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        """Serve until `stop`; what the introduction raises ends it, too.

        Args:
            listener: bound and listening; closed at the end.
            introduce: run once it serves.
        """
        server = self._server
        serving = asyncio.create_task(server.serve([listener]), name="server")
        following = asyncio.create_task(self._private.follow(), name="private-ports")
        introducing = asyncio.create_task(introduce())
        try:
            await asyncio.wait({serving, introducing}, return_when=asyncio.FIRST_COMPLETED)
            failure = introducing.exception() if introducing.done() else None
            if failure is not None and not server.should_exit:
                raise failure
            await serving
        finally:
            introducing.cancel()
            following.cancel()
            server.should_exit = True
            await serving

    def stop(self) -> None:
        """Drain; called again, cut what still runs."""
        server = self._server
        if server.should_exit:
            server.force_exit = True
            # The server alone would go on waiting for the connections.
            for connection in list(server.server_state.connections):
                connection.transport.abort()
        server.should_exit = True


def stop_starting_on_signals() -> None:
    """Give up what the current task does at a signal; what it has started, it ends."""
    starting = asyncio.current_task()
    assert starting is not None
    on_signals(starting.cancel)


def on_signals(action: Callable[[], object]) -> None:
    """Do this at every signal from now on."""
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, action)


def settle_memory() -> None:
    """Leave what the start made out of every later collection."""
    gc.collect()
    gc.freeze()  # what the start made stays; no collection need look at it again
    gc.set_threshold(20_000, 20, 50)  # requests leave no cycles behind; look for them less often


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
