"""What comes out of the answers of each kind of server, whole and broken."""

from __future__ import annotations

import asyncio
import zlib

import pytest

from tests.engines.remote.driven import driven
from tests.engines.remote.recorded import (
    OPENAI_CHAT,
    OPENAI_COMPLETION,
    VLLM_CHAT,
    VLLM_TWO_CHOICES,
    Answering,
    Out,
    Received,
    Recorded,
    encode_event,
    play,
    usage_chunk,
    vllm_chunk,
)
from tests.engines.worker_process import ask

GPT = "gpt-4o-mini"


async def test_a_vllm_answer_is_counted_chunk_by_chunk(vllm: Recorded) -> None:
    async with driven(vllm.url) as engine:
        reply = await engine.run(ask())

    assert reply.text() == "Snow fällt."
    assert [delta.num_tokens for delta in reply.deltas] == [1, 3, 1, 1, 0]
    assert reply.deltas[0].prompt is not None
    assert reply.deltas[0].prompt.prompt_tokens == 11
    assert reply.finish() == "stop"
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (11, 6)
    assert reply.usage.cached_tokens == 8


async def test_two_choices_are_told_apart_and_counted_together(vllm: Recorded) -> None:
    vllm.generating = play(VLLM_TWO_CHOICES)
    async with driven(vllm.url) as engine:
        reply = await engine.run(ask(n=2))

    assert (reply.text(0), reply.text(1)) == ("Aa", "Bbb")
    assert (reply.finish(0), reply.finish(1)) == ("length", "stop")
    assert reply.usage is not None
    assert reply.usage.completion_tokens == reply.num_tokens == 6
    assert vllm.asked[0].body["n"] == 2


async def test_an_openai_answer_is_counted_by_its_last_chunk(openai: Recorded) -> None:
    async with driven(openai.url, GPT) as engine:
        reply = await engine.run(ask())

    assert reply.text() == "Warm and dry."
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == 9
    assert reply.usage.completion_tokens == reply.num_tokens == 5


async def test_a_text_prompt_goes_to_completions(openai: Recorded) -> None:
    openai.generating = play(OPENAI_COMPLETION)
    async with driven(openai.url, GPT) as engine:
        reply = await engine.run(ask(prompt="Hello", max_tokens=1))

    assert reply.text() == " there"
    assert reply.finish() == "length"
    assert openai.asked[-1].path == "/v1/completions"
    assert openai.asked[-1].body["prompt"] == "Hello"


@pytest.mark.parametrize("size", [1, 2, 7, 50])
async def test_events_cut_anywhere_give_the_same_answer(vllm: Recorded, size: int) -> None:
    stream = b": ping\r\n\r\n" + b"".join(map(encode_event, VLLM_CHAT))
    stream = stream.replace(b"\n\n", b"\r\n\r\n", 3)

    async def in_pieces(_: Received, out: Out) -> None:
        out.begin()
        for start in range(0, len(stream), size):
            await out.send(stream[start : start + size])
        out.end()

    vllm.generating = in_pieces
    async with driven(vllm.url) as engine:
        reply = await engine.run(ask())

    assert reply.text() == "Snow fällt."
    assert reply.usage is not None


async def test_an_answer_compressed_unasked_is_read_all_the_same(vllm: Recorded) -> None:
    async def compressed(_: Received, out: Out) -> None:
        squeeze = zlib.compressobj(wbits=31)
        out.begin(content_encoding="gzip")
        for event in VLLM_CHAT:
            data = squeeze.compress(encode_event(event)) + squeeze.flush(zlib.Z_SYNC_FLUSH)
            await out.send(data)
        await out.send(squeeze.flush())
        out.end()

    vllm.generating = compressed
    async with driven(vllm.url) as engine:
        reply = await engine.run(ask())

    assert vllm.asked[0].headers["accept-encoding"] == "identity"
    assert reply.text() == "Snow fällt."


async def test_the_end_does_not_wait_for_the_connection_to_be_free(vllm: Recorded) -> None:
    released = asyncio.Event()

    async def dawdling(received: Received, out: Out) -> None:
        out.begin()
        for event in VLLM_CHAT:
            await out.event(event)
        await released.wait()
        out.end()

    vllm.generating = dawdling
    async with driven(vllm.url) as engine:
        reply = await engine.run(ask())
        released.set()

    assert reply.finish() == "stop"


async def test_a_connection_is_used_again(vllm: Recorded) -> None:
    async with driven(vllm.url) as engine:
        for _ in range(5):
            await engine.run(ask())

        assert len(vllm._open) <= 2  # the watch may have its own


def _broken_off(events: list[object]) -> Answering:
    async def answer(_: Received, out: Out) -> None:
        out.begin()
        for event in events:
            await out.event(event)
        await out.send(b'data: {"choices":[{"index":0,"del')
        out.cut()

    return answer


ERROR = {"error": {"message": "EngineCore died.", "type": "InternalServerError", "code": 500}}
OLD_ERROR = {"object": "error", "message": "CUDA out of memory", "type": "x", "code": 400}


@pytest.mark.parametrize(
    ("answering", "said"),
    [
        (_broken_off(VLLM_CHAT[:3]), "broke off"),
        (play(VLLM_CHAT[:3]), "ended before"),
        (play([*VLLM_CHAT[:3], "[DONE]"]), "ended before"),
        (play([*VLLM_CHAT[:3], ERROR, "[DONE]"]), "EngineCore died."),
        (play([*VLLM_CHAT[:3], OLD_ERROR]), "CUDA out of memory"),
        (play([*VLLM_CHAT[:3], {"error": "plain words"}]), "plain words"),
        (play([*VLLM_CHAT[:2], vllm_chunk(0, {}, 3, "abort")]), "'abort'"),
        (play([*VLLM_CHAT[:2], vllm_chunk(3, {"content": "?"}, 3)]), "choice 3"),
        (play(["this is no JSON"]), "not a chunk"),
        (play(['{"choices": 7}']), "not a chunk"),
    ],
)
async def test_a_broken_answer_fails_and_the_next_one_works(
    vllm: Recorded, answering: Answering, said: str
) -> None:
    async with driven(vllm.url) as engine:
        vllm.generating = answering
        reply = await engine.run(ask())
        vllm.generating = play(VLLM_CHAT)
        again = await engine.run(ask())

    assert reply.failure is not None
    assert reply.failure.kind == "failed"
    assert said in reply.failure.message
    assert again.text() == "Snow fällt."


async def test_an_answer_without_a_count_is_an_error_not_a_guess(openai: Recorded) -> None:
    async with driven(openai.url, GPT) as engine:
        openai.generating = play([*OPENAI_CHAT[:-2], "[DONE]"])
        reply = await engine.run(ask())

    assert reply.text() == "Warm and dry."
    assert reply.failure is not None
    assert "include_usage" in reply.failure.message


async def test_silence_before_and_during_an_answer_has_a_limit(vllm: Recorded) -> None:
    async def no_head(_: Received, out: Out) -> None:
        await out.hung_up()

    async def no_end(_: Received, out: Out) -> None:
        out.begin()
        await out.event(VLLM_CHAT[1])
        await out.hung_up()

    async with driven(vllm.url, timeout_s=0.2) as engine:
        vllm.generating = no_head
        before = await engine.run(ask())
        vllm.generating = no_end
        during = await engine.run(ask())

    assert before.failure is not None
    assert "did not begin" in before.failure.message
    assert during.failure is not None
    assert "said nothing more for 0.2 s" in during.failure.message


async def test_a_slow_head_is_waited_for(vllm: Recorded) -> None:
    may_answer = asyncio.Event()

    async def slow(received: Received, out: Out) -> None:
        await may_answer.wait()
        await play(VLLM_CHAT)(received, out)

    vllm.generating = slow
    async with driven(vllm.url) as engine:
        request = engine.add(ask())
        assert engine.engine.stats().waiting == 1
        may_answer.set()

        assert (await engine.over(request)).finish() == "stop"


async def test_a_server_that_counts_over_all_choices_is_not_counted_twice(
    openai: Recorded,
) -> None:
    counting = [
        {"choices": [{"index": i % 2, "delta": {"content": "w"}}],
         "usage": {"prompt_tokens": 4, "completion_tokens": i + 1}}
        for i in range(4)
    ]  # fmt: skip
    ends = [{"choices": [{"index": i, "delta": {}, "finish_reason": "stop"}]} for i in range(2)]
    async with driven(openai.url, GPT) as engine:
        openai.generating = play([*counting, *ends, usage_chunk(4, 4), "[DONE]"])
        reply = await engine.run(ask(n=2))

    assert reply.usage is not None
    assert reply.num_tokens == reply.usage.completion_tokens == 4
