"""Thousands of random steps: what comes out is what each sequence says alone, and nothing leaks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from msgspec.structs import replace

from hearth.engines.llm.types import SequenceRequest
from tests.engines.llm.native.running import GREEDY, SAMPLED, Outcome, Run, adapter, runner_of
from tests.engines.llm.native.running import sequence as make_sequence
from tests.engines.llm.native.stepping import random_adapter
from tests.engines.llm.native.tiny import tiny

NAMES = ("red", "green", "blue", "white", "black")
GROUPS = ("", "one", "two")
NUM_KINDS = 48


@dataclass
class Churn:
    """A runner under random load, and a model of what it should do."""

    run: Run
    alone: dict[int, list[int]]
    "What each kind of request says by itself."
    kinds: list[SequenceRequest]
    random: np.random.Generator
    loaded: set[str] = field(default_factory=set)
    active: dict[int, SequenceRequest] = field(default_factory=dict)
    "Those that are not over."
    seen: dict[tuple[str, str], list[list[int]]] = field(default_factory=dict)
    "By cache group and adapter, all texts so far."
    num_shared: int = 0
    "Sequences that found a part of their prompt in the cache."
    next_number: int = 1

    def add(self) -> None:
        kind = int(self.random.integers(len(self.kinds)))
        request = replace(
            self.kinds[kind],
            sequence=self.next_number,
            cache_group=str(self.random.choice(GROUPS)),
            use_cache=bool(self.random.integers(4)),
            priority=int(self.random.integers(3)),
        )
        self.next_number += 1
        self.active[request.sequence] = request
        self.run.add(request)
        known = self.seen.setdefault((request.cache_group, request.adapter), [])
        known.append([*request.prompt, *self.alone[request.seed]])

    def cancel(self) -> None:
        if self.active:
            number = int(self.random.choice(list(self.active)))
            self.run.runner.cancel(number)
            del self.active[number], self.run.outcomes[number]

    async def change_adapter(self) -> None:
        name = str(self.random.choice(NAMES))
        if name in self.loaded and self.random.integers(2):
            await self.run.runner.adapters.unload_adapter(adapter(name).name)
            self.loaded.discard(name)
        else:
            await self.run.runner.adapters.load_adapter(adapter(name))
            self.loaded.add(name)

    def check(self) -> None:
        for number, request in list(self.active.items()):
            outcome = self.run.outcomes[number]
            if outcome.is_over:
                self._check_ended(outcome, request)
                del self.active[number], self.run.outcomes[number]

    def _check_ended(self, outcome: Outcome, request: SequenceRequest) -> None:
        if outcome.failure is not None:
            assert request.adapter
            assert outcome.failure.kind == "unavailable"
            return
        assert outcome.ids == self.alone[request.seed]
        if outcome.cached_tokens:
            self.num_shared += 1
            mine = list(request.prompt[: outcome.cached_tokens])
            known = self.seen[request.cache_group, request.adapter]
            assert sum(each[: len(mine)] == mine for each in known) > 1  # not its own alone


def kinds_of(random: np.random.Generator) -> list[SequenceRequest]:
    """Requests that begin alike, for the model and its adapters."""
    stems = [random.integers(1, 250, 100).tolist() for _ in range(3)]
    return [
        make_sequence(
            1,
            stems[n % 3][: int(random.integers(1, 100))] + [n % 7] * (n % 2),
            seed=n,
            max_tokens=int(random.integers(1, 24)),
            sampling=SAMPLED if n % 3 else GREEDY,
            adapter="" if n % 4 == 0 else adapter(NAMES[n % 5]).name,
            ignore_eos=bool(n % 5),
        )
        for n in range(NUM_KINDS)
    ]


async def churn(num_steps: int, seed: int) -> None:
    weights = tiny("llama").weights
    adapters = {
        name: random_adapter(weights.architecture, rank=3 + 5 * n, seed=n, spread=0.3)
        for n, name in enumerate(NAMES)
    }
    random = np.random.default_rng(seed)
    kinds = kinds_of(random)
    single = Run(runner_of(weights, adapters=adapters, slots=1, prefix_cache=False))
    for name in NAMES:
        await single.runner.adapters.load_adapter(adapter(name))
    alone = {}
    for n, kind in enumerate(kinds):
        single.add(kind)
        await single.until_over(1)
        alone[n] = single.outcomes[1].ids
    await single.runner.close()
    runner = runner_of(
        weights, adapters=adapters, num_blocks=14, slots=6, resident_adapters=3, host_adapters=1
    )
    state = Churn(Run(runner), alone, kinds, random)

    for _ in range(num_steps):
        event = random.random()
        if event < 0.3 and len(state.active) < 12:
            state.add()
        elif event < 0.35:
            state.cancel()
        elif event < 0.38:
            await state.change_adapter()
        if state.active:
            await state.run.step()
        state.check()
    for name in NAMES:  # what waits for an adapter that is gone would wait on
        await runner.adapters.load_adapter(adapter(name))
    await state.run.until_over(*state.active)
    state.check()

    shelf = runner.adapters
    assert sorted([*shelf._free, *shelf._placed.values()]) == [0, 1, 2]
    stats = runner.stats()
    assert state.num_shared > 0
    assert (stats.running, stats.waiting, stats.kv_used_tokens) == (0, 0, 0)
    await runner.close()


async def test_a_thousand_random_steps_leave_nothing_behind() -> None:
    await churn(1_000, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 7))
async def test_ten_thousand_random_steps_leave_nothing_behind(seed: int) -> None:
    await churn(10_000, seed)
