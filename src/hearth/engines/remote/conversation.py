"""One request to the server and its streamed answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from aiohttp import ClientError, ClientResponse

from hearth.engines.engine import Failed
from hearth.engines.protocol import Failure, GenerateRequest
from hearth.engines.remote.body import encode_body, route_of
from hearth.engines.remote.events import DONE, Chunk, EventDecoder, decode_chunk
from hearth.engines.remote.http import Http
from hearth.engines.remote.kinds import Kind
from hearth.engines.remote.options import RemoteOptions
from hearth.engines.remote.upstream import Upstream, count_prompt

_REST_S = 1.0  # for the bytes after the last event; past it the connection is not used again


class Conversations:
    """Asks one server; knows how to word a request so that it means what ours means."""

    def __init__(self, http: Http, options: RemoteOptions, upstream: Upstream) -> None:
        self._http = http
        self._options = options
        self._upstream = upstream

    async def ask(self, request: GenerateRequest) -> AsyncGenerator[Chunk | None]:
        """Yield the chunks of the answer; None where the server says that it has ended.

        Where `max_tokens` does not fit beside the prompt and the request lets it be lowered, it
        is asked again with what fits.

        Raises:
            Failed: the server refused, is away, or broke off.
        """
        max_tokens = await self._first_budget(request)
        try:
            async with aclosing(self._stream(request, max_tokens)) as chunks:
                async for chunk in chunks:
                    yield chunk
            return
        except Failed as refused:
            lowered = await self._lowered_budget(request, refused)
            if lowered is None:
                raise
        async with aclosing(self._stream(request, lowered)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _stream(
        self, request: GenerateRequest, max_tokens: int | None
    ) -> AsyncGenerator[Chunk | None]:
        body = encode_body(request, self._upstream.kind, self._options, max_tokens=max_tokens)
        async with self._http.stream(route_of(request), body) as response:
            events = EventDecoder(response.headers.get("Content-Encoding", "").strip().lower())
            async for read in response.content.iter_any():
                for data in events.push(read):
                    if data == DONE:
                        yield None
                        await _finish_reading(response)
                        return
                    yield decode_chunk(data)

    async def _first_budget(self, request: GenerateRequest) -> int | None:
        """`max_tokens` to send; vLLM takes a missing one for 16 where the prompt is a text."""
        is_guessed = request.messages is None and self._upstream.kind is Kind.VLLM
        if request.max_tokens is not None or not is_guessed:
            return request.max_tokens
        window, count = self._upstream.context_tokens, await self._count(request)
        if count is None:
            message = (
                "Give `max_tokens`: the upstream does not count the prompt, so the room is unknown."
            )
            raise Failed(Failure(kind="invalid", message=message, param="max_tokens"))
        return max(1, window - count)

    async def _lowered_budget(self, request: GenerateRequest, refused: Failed) -> int | None:
        """A smaller `max_tokens` that fits; None where that was not what was wrong."""
        if refused.failure.kind != "invalid" or request.context_overflow == "error":
            return None
        window, wanted = self._upstream.context_tokens, request.max_tokens
        if not window or wanted is None or self._upstream.kind is Kind.HEARTH:
            return None
        count = await self._count(request)
        if count is None or not 0 < window - count < wanted:
            return None
        return window - count

    async def _count(self, request: GenerateRequest) -> int | None:
        return await count_prompt(self._http, self._options, request, self._upstream.model)


async def _finish_reading(response: ClientResponse) -> None:
    """Read what follows the last event, so that the connection can be used again."""
    with suppress(ClientError, OSError):
        await asyncio.wait_for(response.content.read(), _REST_S)
