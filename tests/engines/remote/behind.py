"""The fake engine behind HTTP, in the dialect of a Hearth that counts on every chunk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

import msgspec
from aiohttp import web

from hearth.engines import fake
from hearth.engines.engine import Failed
from hearth.engines.protocol import (
    Delta,
    Failure,
    GenerateRequest,
    Message,
    Sampling,
    WorkerSpec,
)

MODEL = "accounts/fireworks/models/fake"

_STATUS = {"invalid": 400, "unavailable": 503, "failed": 502}


class Behind:
    """Serves one fake engine."""

    def __init__(self, *, slots: int, context: int) -> None:
        spec = WorkerSpec(
            replica_id="behind", address="", engine="fake", model=MODEL, slots=slots,
            context_tokens=context, options={"step_s": 0.001},
        )  # fmt: skip
        self._engine = fake.build(spec)
        self._context = context
        self._ids = count(1)
        self._queues: dict[int, asyncio.Queue[Delta | Failure]] = {}

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application()
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/healthz", self._models)
        app.router.add_post("/v1/chat/completions", self._generate)
        app.router.add_post("/v1/completions", self._generate)
        return app

    async def step_forever(self) -> None:
        """Hand what the engine says to who asked."""
        while True:
            for item in await self._engine.step():
                request, news = (item.request, item) if isinstance(item, Delta) else item
                if request in self._queues:
                    self._queues[request].put_nowait(news)

    async def _models(self, _: web.Request) -> web.Response:
        model = {"id": MODEL, "callable": True, "served_by": MODEL, "context_length": self._context}
        return web.json_response({"object": "list", "data": [model]})

    async def _generate(self, http: web.Request) -> web.StreamResponse:
        request_id = next(self._ids)
        queue = self._queues[request_id] = asyncio.Queue()
        try:
            self._engine.add(request_id, read_request(await http.json()))
            first = await queue.get()
            if isinstance(first, Failure):
                raise Failed(first)
            return await self._stream(http, first, queue)
        except Failed as failed:
            said = {"message": failed.failure.message, "param": failed.failure.param}
            return web.json_response({"error": said}, status=_STATUS[failed.failure.kind])
        finally:
            del self._queues[request_id]
            self._engine.cancel(request_id)

    async def _stream(
        self, http: web.Request, delta: Delta, queue: asyncio.Queue[Delta | Failure]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(http)
        assert delta.prompt is not None
        prompt_tokens, completion_tokens = delta.prompt.prompt_tokens, 0
        while True:
            completion_tokens += delta.num_tokens
            usage = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
            await _send(response, {"choices": [_choice(delta)], "usage": usage})
            if delta.usage is not None:
                await response.write(b"data: [DONE]\n\n")
                return response
            news = await queue.get()
            assert isinstance(news, Delta)
            delta = news


async def _send(response: web.StreamResponse, chunk: object) -> None:
    await response.write(b"data: " + msgspec.json.encode(chunk) + b"\n\n")


def _choice(delta: Delta) -> dict[str, Any]:  # Any: a JSON object
    return {
        "index": delta.choice,
        "text": delta.text,
        "delta": {"content": delta.text},
        "finish_reason": delta.finish_reason,
    }


def read_request(body: dict[str, Any]) -> GenerateRequest:  # Any: a JSON object
    """The request as an engine takes it."""
    sampling = {name: body[name] for name in Sampling.__struct_fields__ if name in body}
    plain = {name: body[name] for name in ("prompt", "seed", "n", "max_tokens", "stop",
             "ignore_eos") if name in body}  # fmt: skip
    messages = body.get("messages")
    return GenerateRequest(
        messages=messages and msgspec.convert(messages, list[Message]),
        sampling=msgspec.convert(sampling, Sampling, strict=False),
        prompt_truncate_tokens=body["prompt_truncate_len"],
        context_overflow=body["context_length_exceeded_behavior"],
        **plain,
    )


@asynccontextmanager
async def running_behind(*, slots: int, context: int) -> AsyncIterator[str]:
    """Serve for the length of a block; gives the base URL."""
    behind = Behind(slots=slots, context=context)
    stepping = asyncio.create_task(behind.step_forever())
    runner = web.AppRunner(behind.app(), handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()
        stepping.cancel()
        with suppress(asyncio.CancelledError):
            await stepping
