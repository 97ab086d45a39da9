"""What every engine that takes adapters must do with them, in process and behind a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from hearth.engines import fake
from hearth.engines.engine import Engine, Failed, LiveAdapters
from hearth.engines.llm import llamacpp, native
from hearth.engines.protocol import Adapter, GenerateRequest, LoadedAdapter, Sampling
from tests.engines.adapters import tiny_adapters
from tests.engines.conftest import llama_spec, native_spec
from tests.engines.driving import Driver, answer, answers
from tests.engines.test_contract_worker import behind_worker

GREEDY = Sampling(temperature=0.0)
PROMPT = [10 + n % 200 for n in range(60)]
ENGINES = {"fake": fake, "llamacpp": llamacpp, "native": native}


@pytest.fixture(scope="session")
def adapters(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Adapter]:
    return tiny_adapters(tmp_path_factory.mktemp("adapters"), tiny_model)


@asynccontextmanager
async def _engine(
    which: str, model: Path, adapters: Sequence[Adapter], folder: Path
) -> AsyncIterator[Engine]:
    name, _, place = which.partition(" ")
    make_spec = native_spec if name == "native" else llama_spec
    spec = make_spec(
        model, engine=name, adapters=adapters, slots=3, address=f"unix://{folder}/w.sock"
    )
    if place:
        async with behind_worker(spec) as subject:
            yield subject.engine
        return
    engine = await asyncio.to_thread(ENGINES[name].build, spec)
    yield engine
    await engine.close()


@pytest.fixture(
    params=[*ENGINES, "fake behind a worker", "llamacpp behind a worker", "native behind a worker"]
)
async def engine(
    request: pytest.FixtureRequest, tiny_model: Path, adapters: list[Adapter], tmp_path: Path
) -> AsyncIterator[Engine]:
    """One with two adapters."""
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(
            _engine(request.param, tiny_model, adapters, tmp_path)
        )


def ask(adapter: str = "", **fields: object) -> GenerateRequest:
    defaults: dict[str, object] = {
        "prompt": PROMPT, "seed": 7, "max_tokens": 12, "ignore_eos": True, "sampling": GREEDY,
    }  # fmt: skip
    return GenerateRequest(adapter=adapter, **(defaults | fields))  # type: ignore[arg-type]


async def test_the_adapters_are_told_by_name_and_digest(
    engine: Engine, adapters: list[Adapter]
) -> None:
    hello = engine.hello()

    assert hello.capabilities.adapters in ("start", "live")
    assert hello.adapters == [LoadedAdapter(each.name, each.digest) for each in adapters]


async def test_each_adapter_and_the_model_alone_say_something_else(
    engine: Engine, adapters: list[Adapter]
) -> None:
    names = ["", *(each.name for each in adapters)]

    got = [await answer(engine, ask(name)) for name in names]

    assert len({each.text() for each in got}) == 3
    assert [each.usage.adapter_digest for each in got] == ["", *(each.digest for each in adapters)]


async def test_mixed_requests_get_what_each_would_get_alone(
    engine: Engine, adapters: list[Adapter]
) -> None:
    names = ["", *(each.name for each in adapters)]
    alone = {name: (await answer(engine, ask(name))).text() for name in names}
    mixed = {number: names[number % 3] for number in range(9)}

    together = await answers(engine, {number: ask(name) for number, name in mixed.items()})

    assert {n: got.text() for n, got in together.items()} == {n: alone[mixed[n]] for n in mixed}


async def test_a_prompt_cached_with_one_adapter_is_not_used_for_another(
    engine: Engine, adapters: list[Adapter]
) -> None:
    first, second = (each.name for each in adapters)
    await answer(engine, ask(first, cache_group="a"))

    others = [await answer(engine, ask(name, cache_group="a")) for name in ("", second)]

    assert [each.prompt.cached_tokens for each in others] == [0, 0]


async def test_a_cut_answer_tells_which_adapter_it_came_from(
    engine: Engine, adapters: list[Adapter]
) -> None:
    driver = Driver(engine)
    driver.add(1, ask(adapters[0].name, max_tokens=None))
    await driver.until_tokens(1)

    engine.cancel(1)
    await driver.until_over(1)

    assert driver.answers[1].usage.adapter_digest == adapters[0].digest


async def test_an_adapter_can_come_and_go_only_where_the_engine_says_so(
    tiny_model: Path, adapters: list[Adapter], tmp_path: Path
) -> None:
    for name in ENGINES:
        async with _engine(name, tiny_model, adapters[:1], tmp_path) as engine:
            assert isinstance(engine, LiveAdapters)
            if engine.hello().capabilities.adapters == "start":
                with pytest.raises(Failed, match="only at its start"):
                    await engine.load_adapter(adapters[1])
                continue
            driver = Driver(engine)
            driver.add(1, ask(adapters[0].name, max_tokens=None))
            await driver.until_tokens(1)

            await engine.load_adapter(adapters[1])
            await engine.unload_adapter(adapters[0].name)

            assert [each.name for each in engine.hello().adapters] == [adapters[1].name]
            assert (await answer(engine, ask(adapters[0].name))).failure is not None
            driver.add(2, ask(adapters[1].name))
            await driver.until_over(2)
            assert driver.answers[2].usage.adapter_digest == adapters[1].digest
            assert driver.answers[2].text() != (await answer(engine, ask())).text()
            engine.cancel(1)
            await driver.until_over(1)
            assert driver.answers[1].usage.adapter_digest == adapters[0].digest
