"""A worker whose upstream is another Hearth: two real programs, one behind the other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hearth.engines.protocol import WorkerSpec
from tests.engines.remote.driven import remote_spec
from tests.engines.worker_process import LIMIT_S, Client, Worker, ask, running_worker
from tests.running import RunningHearth, running_hearth

MODEL = "smollm2-135m-instruct"


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    with running_hearth(tmp_path_factory.mktemp("second")) as running:
        yield running


def spec(second: RunningHearth, folder: Path) -> WorkerSpec:
    whole = remote_spec(f"{second.url}/inference/v1", MODEL, api_key_env="SECOND_KEY")
    return WorkerSpec(
        replica_id=whole.replica_id, address=f"unix://{folder}/worker.sock", engine="remote",
        model=whole.model, slots=8, options=whole.options,
    )  # fmt: skip


@pytest.fixture
async def worker(second: RunningHearth, tmp_path: Path) -> AsyncIterator[Worker]:
    key = {"SECOND_KEY": second.credentials["api_key"]}
    async with running_worker(spec(second, tmp_path), key) as worker:
        assert worker.ready.error == ""
        yield worker


async def test_it_is_recognised(worker: Worker) -> None:
    hello = (await worker.connect()).hello

    assert hello is not None
    assert (hello.engine, hello.engine_version) == ("remote", "hearth")


async def test_the_answer_is_what_the_other_gives_to_its_own_clients(
    worker: Worker, second: RunningHearth
) -> None:
    client = await worker.connect()

    reply = await client.run(ask("Tell me of the snow.", max_tokens=30, n=2, seed=5))

    direct = await asyncio.to_thread(_direct, second)
    choices = {each["index"]: each for each in direct["choices"]}
    assert [reply.text(0), reply.text(1)] == [choices[i]["message"]["content"] for i in (0, 1)]
    assert [reply.finish(0), reply.finish(1)] == [choices[i]["finish_reason"] for i in (0, 1)]
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == direct["usage"]["prompt_tokens"]
    assert reply.usage.completion_tokens == direct["usage"]["completion_tokens"]
    assert reply.num_tokens == reply.usage.completion_tokens


def _direct(second: RunningHearth) -> dict[str, Any]:  # Any: a JSON object
    body = {
        "model": MODEL, "messages": [{"role": "user", "content": "Tell me of the snow."}],
        "max_tokens": 30, "n": 2, "seed": 5,
    }  # fmt: skip
    with second.client() as http:
        answer: dict[str, Any] = http.post("/chat/completions", json=body).raise_for_status().json()
    return answer


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "Once upon a time", "max_tokens": 12},
        {"prompt": [72, 105], "max_tokens": 12},
        {"stop": ["the"], "max_tokens": 40, "ignore_eos": True},
        {"sampling": {"temperature": 0.7, "top_k": 5, "logit_bias": {260: 5.0}}},
    ],
)
async def test_every_form_of_request_is_answered(worker: Worker, fields: dict[str, Any]) -> None:
    client = await worker.connect()

    reply = await client.run(ask(**fields))

    assert reply.failure is None
    assert reply.usage is not None
    assert reply.num_tokens == reply.usage.completion_tokens
    assert "the" not in reply.text().split() or "stop" not in fields


async def test_calls_thinking_and_tokens_come_through(worker: Worker) -> None:
    client = await worker.connect()
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    use = {"tools": [{"name": "f", "parameters": schema}], "choice": "required"}

    called = await client.run(ask(tool_use=use, max_tokens=300))
    thought = await client.run(ask(reasoning={"enabled": True, "effort": "low"}, max_tokens=60))
    told = await client.run(ask(logprobs=1, return_token_ids=True, max_tokens=5))

    calls = [call for delta in called.deltas if delta.more for call in delta.more.tool_calls]
    assert calls[0].name == "f"
    assert json.loads("".join(call.arguments for call in calls)).keys() == {"a"}
    assert called.finish() == "tool_calls"
    assert "".join(delta.more.reasoning for delta in thought.deltas if delta.more)
    assert thought.usage is not None
    assert thought.usage.reasoning_tokens > 0
    more = [delta.more for delta in told.deltas if delta.more]
    tokens = [token for each in more for token in each.logprobs]
    assert b"".join(token.data for token in tokens).decode() == told.text()
    assert [token.token_id for token in tokens] == [i for each in more for i in each.token_ids]
    assert any(delta.prompt and delta.prompt.token_ids for delta in told.deltas)


async def test_what_the_other_refuses_is_refused_with_its_words(worker: Worker) -> None:
    client = await worker.connect()

    reply = await client.run(ask(sampling={"mirostat_target": 3.0}))

    assert reply.failure is not None
    assert reply.failure.kind == "invalid"
    assert reply.failure.param == "mirostat_target"


async def test_hanging_up_on_the_worker_ends_the_request_on_the_other(
    worker: Worker, second: RunningHearth
) -> None:
    client = await worker.connect()
    await client.begun(client.generate(ask(ignore_eos=True, max_tokens=900_000)))
    await _until_running(second, 1)

    client.connection.close()

    await _until_running(second, 0)


async def _until_running(second: RunningHearth, count: int) -> None:
    """Wait until the engine of the other works on so many sequences, by its metrics."""
    series = "hearth_running_sequences{"
    async with asyncio.timeout(LIMIT_S), httpx.AsyncClient() as http:
        running = -1.0
        while running != count:
            lines = (await http.get(f"{second.url}/metrics")).text.splitlines()
            found = [line for line in lines if line.startswith(series)]
            running = sum(float(line.rpartition(" ")[2]) for line in found)


async def test_a_wrong_key_keeps_the_worker_from_starting(
    second: RunningHearth, tmp_path: Path
) -> None:
    async with running_worker(spec(second, tmp_path), {"SECOND_KEY": "fw_wrong"}) as worker:
        assert "refuses the key in SECOND_KEY" in worker.ready.error
        assert "fw_wrong" not in worker.ready.error


async def test_the_other_killed_in_an_answer_then_started_again(tmp_path: Path) -> None:
    second = RunningHearth(tmp_path / "home").wait_ready()
    try:
        key = {"SECOND_KEY": second.credentials["api_key"]}
        async with running_worker(spec(second, tmp_path), key) as worker:
            client = await worker.connect()
            request = client.generate(ask(ignore_eos=True, max_tokens=900_000))
            await client.begun(request)

            second.kill()
            reply = await client.over(request)
            refused = await client.run(ask())
            second = RunningHearth(tmp_path / "home", port=str(second.port)).wait_ready()

            assert reply.failure is not None
            assert reply.failure.kind == "failed"
            assert refused.failure is not None
            assert refused.failure.kind == "unavailable"
            assert await _answered(client)
    finally:
        second.stop()


async def _answered(client: Client) -> bool:
    async with asyncio.timeout(LIMIT_S):
        while (await client.run(ask(max_tokens=5))).failure is not None:
            pass
    return True
