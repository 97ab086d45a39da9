"""The retrying client for programs that wait for many things at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from hearth.client.answers import decoded, event, refusal
from hearth.client.calls import Body, Call, Json, call
from hearth.client.errors import ConnectionFailed, RequestError
from hearth.client.retries import Course, Options

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from httpx import Response

T = TypeVar("T")


@dataclass
class AsyncRetryingClient(Options):
    """`RetryingClient` for asyncio: the same words, awaited."""

    sleep: Callable[[float], Awaitable[object]] = field(
        default=asyncio.sleep, repr=False, kw_only=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        import httpx

        self._http = httpx.AsyncClient()
        self._broken = httpx.RequestError

    async def __aenter__(self) -> AsyncRetryingClient:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def request(
        self,
        endpoint: str,
        json: Json = None,
        *,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        """See `RetryingClient.request`."""
        what = call(self, endpoint, json, method, headers)
        return decoded(await self._persist(lambda course: self._whole(what, course)))

    async def chat(self, model: str, messages: Sequence[Body], **fields: Json) -> Json:
        """See `RetryingClient.chat`."""
        body = {"model": model, "messages": messages, **fields}
        return await self.request("/chat/completions", body)

    async def stream(self, endpoint: str, json: Body) -> AsyncGenerator[Json]:
        """See `RetryingClient.stream`; leave it early only inside `contextlib.aclosing`."""
        what = call(self, endpoint, {**json, "stream": True})
        async with AsyncExitStack() as held:
            response, first, lines = await self._persist(
                lambda course: self._begun(what, course, held)
            )
            request_id = response.headers.get("x-request-id", "")
            if (value := event(first, request_id)) is not None:
                yield value
            async for line in lines:
                if (value := event(line, request_id)) is not None:
                    yield value

    async def _persist(self, attempt: Callable[[Course], Awaitable[T]]) -> T:
        course = Course(self)
        while True:
            try:
                return await attempt(course)
            except RequestError as error:
                await self.sleep(course.wait_after(error))

    async def _whole(self, what: Call, course: Course) -> bytes:
        body = bytearray()
        async with self._sent(what, course) as response:
            async for piece in response.aiter_bytes():
                course.check()
                body += piece
        return bytes(body)

    async def _begun(
        self, what: Call, course: Course, held: AsyncExitStack
    ) -> tuple[Response, str, AsyncIterator[str]]:
        async with AsyncExitStack() as attempt:
            response = await attempt.enter_async_context(self._sent(what, course))
            lines = response.aiter_lines()
            first = await anext(lines, "")
            await held.enter_async_context(attempt.pop_all())
        return response, first, lines

    @asynccontextmanager
    async def _sent(self, what: Call, course: Course) -> AsyncIterator[Response]:
        try:
            async with self._http.stream(
                what.method,
                what.url,
                headers=what.headers,
                content=what.content,
                timeout=course.patience(),
            ) as response:
                if response.status_code >= 300:
                    body, now = await response.aread(), self.wall_clock()
                    raise refusal(response.status_code, response.headers, body, now)
                yield response
        except self._broken as error:
            raise ConnectionFailed(f"{type(error).__name__}: {error}") from error
