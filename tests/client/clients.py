"""Both retrying clients behind one face, with time that only they move."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from hearth.client import AsyncRetryingClient, RetryingClient

KEY = "fw_secret"


class Time:
    """Stands still but for sleep."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)

    def options(self, url: str, changes: dict[str, Any]) -> dict[str, Any]:
        return {
            "api_key": KEY,
            "base_url": url,
            "clock": lambda: self.now,
            "wall_clock": lambda: 1_000_000_000 + self.now,
            "chance": lambda: 0.0,
            **changes,
        }


class Driver(Protocol):
    """How a test uses either client."""

    time: Time

    def request(self, endpoint: str, json: Any = None, **fields: Any) -> Any: ...
    def chat(self, *arguments: Any, **fields: Any) -> Any: ...
    def stream(self, endpoint: str, json: Any) -> Iterator[Any]: ...


class Sync:
    """The client of threads."""

    def __init__(self, url: str, **options: Any) -> None:
        self.time = Time()
        self._make: Callable[[], RetryingClient] = lambda: RetryingClient(
            sleep=self.time.sleep, **self.time.options(url, options)
        )

    def request(self, endpoint: str, json: Any = None, **fields: Any) -> Any:
        with self._make() as client:
            return client.request(endpoint, json, **fields)

    def chat(self, *arguments: Any, **fields: Any) -> Any:
        with self._make() as client:
            return client.chat(*arguments, **fields)

    def stream(self, endpoint: str, json: Any) -> Iterator[Any]:
        with self._make() as client:
            yield from client.stream(endpoint, json)


class Async:
    """The client of asyncio."""

    def __init__(self, url: str, **options: Any) -> None:
        self.time = Time()
        self._make: Callable[[], AsyncRetryingClient] = lambda: AsyncRetryingClient(
            sleep=self.time.sleep_async, **self.time.options(url, options)
        )

    def request(self, endpoint: str, json: Any = None, **fields: Any) -> Any:
        async def run() -> Any:
            async with self._make() as client:
                return await client.request(endpoint, json, **fields)

        return asyncio.run(run())

    def chat(self, *arguments: Any, **fields: Any) -> Any:
        async def run() -> Any:
            async with self._make() as client:
                return await client.chat(*arguments, **fields)

        return asyncio.run(run())

    def stream(self, endpoint: str, json: Any) -> Iterator[Any]:
        with asyncio.Runner() as runner:
            client = self._make()
            pieces = client.stream(endpoint, json)
            try:
                while (piece := runner.run(anext(pieces, None))) is not None:
                    yield piece
            finally:
                runner.run(pieces.aclose())
                runner.run(client.close())
