"""One long-lived HTTP session with the server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType

import aiohttp
from aiohttp import ClientResponse, ClientSession, ClientTimeout, TCPConnector

from hearth import __version__
from hearth.engines.engine import Failed
from hearth.engines.protocol import Failure
from hearth.engines.remote.events import broken
from hearth.engines.remote.failures import refusal
from hearth.engines.remote.options import RemoteOptions

CONNECT_S = 10.0
PROBE_S = 10.0
KEEP_ALIVE_S = 3.0  # uvicorn, under vLLM and SGLang, closes an idle connection after 5 s
MAX_ERROR_BYTES = 64 * 1024
MAX_PROBE_BYTES = 16 * 1024 * 1024  # the longest list of models


class Http:
    """Requests to one server, each with its key; the session opens with the first.

    Args:
        on_broken: called when a request finds the server gone.
    """

    def __init__(
        self, options: RemoteOptions, *, on_broken: Callable[[], None] = lambda: None
    ) -> None:
        self._options = options
        self._on_broken = on_broken
        self._opened: ClientSession | None = None

    async def __aenter__(self) -> Http:
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    async def get(self, url: str) -> tuple[int, bytes]:
        """Return status and body.

        Raises:
            aiohttp.ClientError, TimeoutError, OSError: there is no answer.
        """
        timeout = ClientTimeout(total=PROBE_S)
        async with self._session.get(url, timeout=timeout, allow_redirects=False) as response:
            return response.status, await _read(response, MAX_PROBE_BYTES)

    async def post(self, url: str, body: bytes) -> tuple[int, bytes]:
        """Return status and body.

        Raises:
            aiohttp.ClientError, TimeoutError, OSError: there is no answer.
        """
        timeout = ClientTimeout(total=PROBE_S)
        async with self._session.post(
            url, data=body, timeout=timeout, allow_redirects=False
        ) as response:
            return response.status, await _read(response, MAX_PROBE_BYTES)

    @asynccontextmanager
    async def stream(self, path: str, body: bytes) -> AsyncIterator[ClientResponse]:
        """Post to a route of the API and hand out the answer once it has begun.

        Raises:
            Failed: the server refused, is away, or broke off before it was read to its end.
        """
        started = False
        try:
            async with self._session.post(
                self._options.url + path, data=body, allow_redirects=False
            ) as response:
                started = True
                if response.status != 200:
                    raise Failed(await self._refusal(response))
                yield response
        except (aiohttp.ClientError, OSError) as error:
            raise self._broken_off(error, started=started) from error

    def _broken_off(self, error: Exception, *, started: bool) -> Failed:
        is_silence = isinstance(error, TimeoutError)
        if is_silence and not isinstance(error, aiohttp.ConnectionTimeoutError):
            doing = "said nothing more" if started else "did not begin to answer"
            return broken(f"The upstream {doing} for {self._options.timeout_s:g} s.")
        self._on_broken()
        if started:
            return broken("The upstream broke off before its answer ended.")
        away = f"The upstream cannot be reached ({type(error).__name__})."
        return Failed(Failure(kind="unavailable", message=away))

    async def _refusal(self, response: ClientResponse) -> Failure:
        body = await _read(response, MAX_ERROR_BYTES)
        if key := self._options.api_key:
            body = body.replace(key.encode(), b"[REDACTED]")
        retry_after = response.headers.get("Retry-After", "")
        return refusal(response.status, body, retry_after=retry_after)

    @property
    def _session(self) -> ClientSession:
        if self._opened is None:
            headers = {
                "Accept-Encoding": "identity",
                "Content-Type": "application/json",
                "User-Agent": f"hearth/{__version__}",
            }
            if self._options.api_key:
                headers["Authorization"] = f"Bearer {self._options.api_key}"
            self._opened = ClientSession(
                connector=TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S),
                headers=headers,
                timeout=ClientTimeout(
                    total=None, sock_connect=CONNECT_S, sock_read=self._options.timeout_s
                ),
                auto_decompress=False,
            )
        return self._opened


async def _read(response: ClientResponse, limit: int) -> bytes:
    """Read a body; what is over the limit is cut."""
    read = bytearray()
    async for piece in response.content.iter_any():
        read += piece
        if len(read) > limit:
            break
    return bytes(read[:limit])
