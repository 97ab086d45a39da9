"""Adapters that come, go and take turns while an engine runs, exact on a tiny model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from hearth.engines.llm.native.backend import AdapterWeights, Weights
from hearth.engines.llm.native.openvino_backend.backend import OpenVinoBackend
from tests.engines.llm.native.running import Run, adapter, prompt, runner_of, sequence
from tests.engines.llm.native.stepping import random_adapter
from tests.engines.llm.native.tiny import tiny

ADAPTERS = ("red", "green", "blue")


@pytest.fixture(scope="module")
def weights() -> Weights:
    return tiny("llama").weights


def adapters_of(weights: Weights) -> dict[str, AdapterWeights]:
    return {
        name: random_adapter(weights.architecture, rank=4 * (n + 1), seed=n, spread=0.3)
        for n, name in enumerate(ADAPTERS)
    }


@pytest.fixture
async def run(weights: Weights) -> AsyncIterator[Run]:
    """With room for eight sequences and three adapters."""
    runner = runner_of(weights, adapters=adapters_of(weights))
    for name in ADAPTERS:
        await runner.adapters.load_adapter(adapter(name))
    yield Run(runner)
    await runner.close()


async def test_adapters_share_a_batch_and_keep_to_themselves(run: Run) -> None:
    kinds = ["", *(f"accounts/test/models/{name}" for name in ADAPTERS)]
    text = prompt(70)
    for n, kind in enumerate(kinds):
        run.add(sequence(n + 1, text, adapter=kind, max_tokens=16))
    await run.until_over(1, 2, 3, 4)
    together = [run.outcomes[n].ids for n in range(1, 5)]
    for n, kind in enumerate(kinds):
        run.add(sequence(n + 1, text, adapter=kind, max_tokens=16, use_cache=n % 2 == 0))
        await run.until_over(n + 1)

    assert [run.outcomes[n].ids for n in range(1, 5)] == together
    assert len({tuple(ids) for ids in together}) == 4
    assert [run.outcomes[n].cached_tokens for n in range(1, 5)] == [64, 0, 64, 0]


async def test_more_adapters_than_places_take_turns(weights: Weights) -> None:
    run = Run(runner_of(weights, adapters=adapters_of(weights), resident_adapters=1))
    for name in ADAPTERS:
        await run.runner.adapters.load_adapter(adapter(name))
    for n in range(1, 10):
        name = ADAPTERS[n % 3]
        run.add(sequence(n, prompt(9), seed=1, adapter=f"accounts/test/models/{name}"))

    await run.until_over(*range(1, 10))

    for n in range(1, 7):
        assert run.outcomes[n].ids == run.outcomes[n + 3].ids
    assert len({tuple(run.outcomes[n].ids) for n in range(1, 4)}) == 3
    await run.runner.close()


async def test_what_adapters_need_is_made_ready_once_and_beside_what_runs(weights: Weights) -> None:
    may_go_on, prepared = threading.Event(), []

    class Slow(OpenVinoBackend):
        def prepare_adapters(self) -> None:
            assert may_go_on.wait(10)
            super().prepare_adapters()
            prepared.append(True)

    runner = runner_of(
        weights,
        adapters=adapters_of(weights),
        backend=lambda blocks: Slow(weights, "f32", num_blocks=blocks, threads=1),
    )
    runner.adapters.load_first((), expects_more=True)
    run = Run(runner)
    run.add(sequence(1, prompt(9)))
    await run.until_over(1)
    loading = [runner.adapters.load_adapter(adapter(name)) for name in ADAPTERS]
    was_ready = bool(prepared)
    may_go_on.set()
    await asyncio.gather(*loading)
    run.add(sequence(2, prompt(9), adapter="accounts/test/models/red"))
    await run.until_over(2)

    assert not was_ready
    assert prepared == [True]
    assert run.outcomes[1].ids != run.outcomes[2].ids
    await runner.close()


async def test_one_that_is_replaced_goes_on_with_what_runs(run: Run) -> None:
    name = "accounts/test/models/red"
    run.add(sequence(1, prompt(9), adapter=name, max_tokens=20))
    await run.until_over(1)
    run.add(sequence(2, prompt(9), adapter=name, max_tokens=20, seed=1))
    await run.step()

    await run.runner.adapters.load_adapter(adapter("green", name))
    run.add(sequence(3, prompt(9), adapter=name, max_tokens=20, seed=1))
    await run.until_over(2, 3)

    assert run.outcomes[2].ids == run.outcomes[1].ids != run.outcomes[3].ids
    await run.runner.adapters.unload_adapter(name)
    run.add(sequence(4, prompt(9), adapter=name))
    await run.step()
    assert run.outcomes[4].failure is not None
    assert run.outcomes[4].failure.kind == "unavailable"
