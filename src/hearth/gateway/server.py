"""uvicorn on a port of ours, with connections that part the hot plane from the cold."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import uvicorn

from hearth.errors import SetupError
from hearth.gateway.connection import IDLE_S, Connection
from hearth.gateway.http import Receive, Scope, Send
from hearth.gateway.intake import HotPlane

BACKLOG = 2048


class App(HotPlane, Protocol):
    """Both planes: hot requests by its methods, everything else as an ASGI application."""

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """See ASGI."""
        ...


def bind(host: str, port: int, *, is_shared: bool = False) -> socket.socket:
    """Take the port.

    Args:
        is_shared: with every process of this user that shares it as well; the kernel spreads
            new connections over them.

    Raises:
        SetupError: it is busy, or not ours to take.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        if is_shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SetupError(
            f"Cannot listen on {host}:{port} ({error.strerror}); stop what uses it, "
            "or choose another with HEARTH_PORT."
        ) from error
    listener.setblocking(False)
    return listener


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 or later with this certificate and its chain.

    Raises:
        SetupError: the files cannot be read, or do not belong together.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise SetupError(
            f"TLS cannot be spoken with {certificate} and {key} ({error}); HEARTH_TLS_CERT names "
            "a certificate and HEARTH_TLS_KEY its key, both as PEM."
        ) from error
    return context


def make_server(
    app: App,
    *,
    body_timeout_s: float,
    drain_timeout_s: float,
    tls: ssl.SSLContext | None = None,
) -> uvicorn.Server:
    """A server that serves `app` on sockets it is given, over TLS if there is a context for it."""
    connection = type("Served", (Connection,), {"plane": app, "body_timeout_s": body_timeout_s})
    config = uvicorn.Config(
        app,
        http=connection,
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(IDLE_S),
        timeout_graceful_shutdown=max(1, int(drain_timeout_s)),
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
    )
    return _Server(config)


class _Server(uvicorn.Server):
    """Leaves the signals to the process, which has more to end than this server."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Install no handlers; whoever runs the server sets `should_exit`."""
        yield
