"""The worker process, from outside: what it answers to the frames it gets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import msgspec
import pytest

from hearth.engines.protocol import Capabilities
from hearth.engines.wire import VERSION
from tests.engines.worker_process import (
    LIMIT_S,
    Worker,
    ask,
    endless,
    fake_spec,
    running_worker,
)

SLOW = {"step_s": 0.01}


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[Worker]:
    async with running_worker(fake_spec(tmp_path)) as worker:
        yield worker


@pytest.fixture
async def slow_worker(tmp_path: Path) -> AsyncIterator[Worker]:
    async with running_worker(fake_spec(tmp_path, options=SLOW)) as worker:
        yield worker


async def test_the_first_frame_says_who_answers(worker: Worker) -> None:
    client = await worker.connect()

    assert client.hello is not None
    assert client.hello.replica_id == "replica-test"
    assert client.hello.engine == "fake"
    assert client.hello.model == "accounts/test/models/fake"
    assert client.hello.context_tokens == 100_000
    assert client.hello.capabilities != Capabilities()


async def test_an_answer_comes_with_its_account(worker: Worker) -> None:
    client = await worker.connect()

    reply = await client.run(ask(max_tokens=500))

    assert reply.text()
    assert reply.finish() == "stop"
    assert reply.usage is not None
    assert reply.usage.completion_tokens == reply.num_tokens
    assert reply.deltas[0].prompt is not None
    assert reply.deltas[0].prompt.prompt_tokens == reply.usage.prompt_tokens


async def test_without_further_credit_deltas_are_merged_and_the_end_still_comes(
    worker: Worker,
) -> None:
    client = await worker.connect()
    request = ask(ignore_eos=True, max_tokens=2000)
    whole = await client.run(msgspec.structs.replace(request, credit=10_000))

    starved = await client.run(msgspec.structs.replace(request, credit=3))

    assert len(whole.deltas) > 1000
    assert len(starved.deltas) == 5  # three by credit, what was held back, the end
    assert starved.text() == whole.text()
    assert starved.num_tokens == 2000
    assert starved.finish() == "length"


async def test_granted_credit_brings_what_was_held_back(slow_worker: Worker) -> None:
    client = await slow_worker.connect()
    request = client.generate(msgspec.structs.replace(endless(), credit=1))
    reply = await client.begun(request)
    await client.stats()
    before = len(reply.deltas)

    client.grant(request, 1)
    await client.wait(lambda: len(reply.deltas) > before)

    assert before == 1
    client.cancel(request)
    await client.over(request)
    assert reply.usage is not None
    assert reply.num_tokens == reply.usage.completion_tokens


async def test_a_starved_request_does_not_hold_up_another(worker: Worker) -> None:
    client = await worker.connect()
    starved = client.generate(msgspec.structs.replace(endless(), credit=1))
    await client.begun(starved)

    reply = await client.run(ask(max_tokens=50))

    assert reply.usage is not None
    assert len(client.reply(starved).deltas) == 1


async def test_two_starved_choices_lose_nothing(worker: Worker) -> None:
    client = await worker.connect()
    request = ask(n=2, max_tokens=300, ignore_eos=True)
    whole = await client.run(msgspec.structs.replace(request, credit=10_000))

    starved = await client.run(msgspec.structs.replace(request, credit=1))

    assert [starved.text(0), starved.text(1)] == [whole.text(0), whole.text(1)]
    assert [starved.finish(0), starved.finish(1)] == ["length", "length"]
    assert starved.num_tokens == 600


async def test_cancel_ends_a_request_with_what_it_used(slow_worker: Worker) -> None:
    client = await slow_worker.connect()
    request = client.generate(endless())
    await client.begun(request)

    client.cancel(request)
    reply = await client.over(request)

    assert reply.finish() == "cancelled"
    assert reply.usage is not None
    assert 0 < reply.usage.completion_tokens == reply.num_tokens
    assert (await client.stats()).running == 0


async def test_cancel_of_what_is_not_there_is_ignored(worker: Worker) -> None:
    client = await worker.connect()

    client.cancel(4711)

    assert (await client.run(ask(max_tokens=5))).usage is not None


async def test_a_refused_request_fails_with_its_field(worker: Worker) -> None:
    client = await worker.connect()

    reply = await client.run(ask(sampling={"mirostat_target": 2.0}))

    assert reply.failure is not None
    assert reply.failure.kind == "invalid"
    assert reply.failure.param == "mirostat_target"


async def test_two_connections_share_one_engine(slow_worker: Worker) -> None:
    first, second = await slow_worker.connect(), await slow_worker.connect()
    held = first.generate(endless())
    await first.begun(held)

    reply = await second.run(ask(max_tokens=5))

    assert reply.usage is not None
    assert (await second.stats()).running == 1
    assert not first.reply(held).is_over


async def test_equal_request_ids_of_two_connections_are_not_mixed_up(worker: Worker) -> None:
    first, second = await worker.connect(), await worker.connect()

    replies = await asyncio.gather(
        first.run(ask("one", max_tokens=40)), second.run(ask("two", max_tokens=60))
    )

    texts = [(await first.run(ask("one", max_tokens=40))).text(),
             (await second.run(ask("two", max_tokens=60))).text()]  # fmt: skip
    assert [reply.text() for reply in replies] == texts


async def test_hanging_up_cancels_what_the_connection_asked_for(tmp_path: Path) -> None:
    async with running_worker(fake_spec(tmp_path, slots=1, options=SLOW)) as worker:
        first, second = await worker.connect(), await worker.connect()
        await first.begun(first.generate(endless()))

        first.connection.close()
        reply = await second.run(ask(max_tokens=5))

        assert reply.usage is not None
        assert (await second.stats()).running == 0


@pytest.mark.parametrize(
    "frame",
    [
        bytes([0, 0, 0, 3, VERSION, 4, 0, 0, 0, 0, 0, 1]) + b"\xc1\xc1\xc1",
        bytes([0, 0, 0, 1, VERSION, 99, 0, 0, 0, 0, 0, 1]) + b"\xc0",
        bytes([0xFF, 0xFF, 0xFF, 0xFF, VERSION, 4, 0, 0, 0, 0, 0, 1]),
        bytes([0, 0, 0, 1, VERSION + 1, 2, 0, 0, 0, 0, 0, 1]) + b"\xc0",
        bytes([0, 0, 0, 1, VERSION, 4, 0, 0, 0, 0, 0, 1]) + b"\x80",
    ],
    ids=["no msgpack", "unknown type", "too long", "wrong version", "fields missing"],
)
async def test_a_broken_frame_closes_only_its_connection(worker: Worker, frame: bytes) -> None:
    bystander = await worker.connect()
    reader, writer = await asyncio.open_unix_connection(worker.ready.address.partition("://")[2])

    writer.write(frame)

    await asyncio.wait_for(reader.read(), LIMIT_S)  # to its end
    writer.close()
    assert (await bystander.run(ask(max_tokens=5))).usage is not None


async def test_a_second_request_under_a_running_id_does_not_harm_the_worker(
    slow_worker: Worker,
) -> None:
    client, bystander = await slow_worker.connect(), await slow_worker.connect()
    request = client.generate(endless())
    await client.begun(request)

    client._ids = count(request)
    client.generate(endless())

    await client.wait(lambda: client.is_lost)
    assert (await bystander.run(ask(max_tokens=5))).usage is not None
    assert (await bystander.stats()).running == 0
