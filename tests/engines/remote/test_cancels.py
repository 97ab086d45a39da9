"""Cancelling: the server is told by the closed connection, and what came is counted."""

from __future__ import annotations

import asyncio

from tests.engines.remote.driven import driven
from tests.engines.remote.recorded import (
    Answering,
    Out,
    Received,
    Recorded,
    openai_chunk,
    vllm_chunk,
)
from tests.engines.worker_process import ask

GPT = "gpt-4o-mini"


def _forever(chunk: object, begun: asyncio.Event, left: asyncio.Event) -> Answering:
    async def answer(_: Received, out: Out) -> None:
        out.begin()
        await out.event(chunk)
        begun.set()
        await out.hung_up()
        left.set()

    return answer


async def test_cancel_closes_the_upstream_connection_and_counts_what_came(vllm: Recorded) -> None:
    begun, left = asyncio.Event(), asyncio.Event()
    vllm.generating = _forever(vllm_chunk(0, {"content": "Snowy"}, 3), begun, left)
    async with driven(vllm.url) as engine:
        request = engine.add(ask())
        reply = engine.reply(request)
        await engine.wait(lambda: bool(reply.deltas))

        engine.engine.cancel(request)
        await engine.over(request)
        await asyncio.wait_for(left.wait(), 5)

        assert engine.engine.stats().running == 0
    assert reply.finish() == "cancelled"
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (11, 3)
    assert reply.num_tokens == 3


async def test_cancel_before_the_head_closes_the_connection_too(vllm: Recorded) -> None:
    arrived, left = asyncio.Event(), asyncio.Event()

    async def silent(_: Received, out: Out) -> None:
        arrived.set()
        await out.hung_up()
        left.set()

    vllm.generating = silent
    async with driven(vllm.url) as engine:
        request = engine.add(ask("two words", n=2))
        await asyncio.wait_for(arrived.wait(), 5)

        engine.engine.cancel(request)
        reply = await engine.over(request)
        await asyncio.wait_for(left.wait(), 5)

    assert (reply.finish(0), reply.finish(1)) == ("cancelled", "cancelled")
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (2, 0)


async def test_what_was_not_counted_when_cancelled_is_charged_by_the_word(
    openai: Recorded,
) -> None:
    async with driven(openai.url, GPT) as engine:
        begun, left = asyncio.Event(), asyncio.Event()
        openai.generating = _forever(openai_chunk({"content": "Snow fell all"}), begun, left)
        request = engine.add(ask("Tell me of the snow."))
        reply = engine.reply(request)
        await engine.wait(lambda: bool(reply.deltas))

        engine.engine.cancel(request)
        await engine.over(request)

    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (5, 3)
    assert reply.num_tokens == 3


async def test_cancel_while_only_the_count_is_missing_keeps_the_finish(openai: Recorded) -> None:
    async with driven(openai.url, GPT) as engine:
        begun, left = asyncio.Event(), asyncio.Event()
        openai.generating = _forever(openai_chunk({"content": "All of it"}, "stop"), begun, left)
        request = engine.add(ask())
        reply = engine.reply(request)
        await engine.wait(lambda: bool(reply.deltas))

        engine.engine.cancel(request)
        await engine.over(request)

    assert reply.finish() == "stop"
    assert reply.num_tokens == 3
