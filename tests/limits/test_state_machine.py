"""The same world, driven by hypothesis: what goes wrong comes out as the shortest way to it."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hearth.limits import QuotaId
from tests.limits.gateways import Gateway
from tests.limits.world import BUDGETS, CALLERS, SUBJECTS, World

NUM_GATEWAYS = 3
GATEWAYS = st.integers(0, NUM_GATEWAYS - 1)
AMOUNTS = st.integers(1, 120)
ASKS = st.tuples(GATEWAYS, st.sampled_from(CALLERS), AMOUNTS)


class Machine(RuleBasedStateMachine):
    """Rules are what can happen; `World` checks each."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._home = Path(tempfile.mkdtemp(prefix="hearth-limits-"))
        shutil.copyfile(self.template, self._home / "state.db")
        self._world: World = self._do(self._make())

    async def _make(self) -> World:
        return World(f"sqlite:///{self._home}/state.db", self._home, NUM_GATEWAYS)

    def _do(self, step: Coroutine[Any, Any, Any]) -> Any:  # Any: what a step gives back
        return self._runner.run(step)

    def _at(self, number: int) -> Gateway:
        return self._world.gateways[number]

    @initialize(values=st.lists(st.integers(0, 300), min_size=3, max_size=3))
    def _set_out(self, values: list[int]) -> None:
        for subject, quota_id, value in zip(SUBJECTS[:3], BUDGETS, values, strict=True):
            self._do(self._world.set_limit(subject, quota_id, value))
        for gateway in self._world.gateways:
            self._do(self._world.refresh(gateway))

    @rule(asks=st.lists(ASKS, min_size=1, max_size=4))
    def _admit(self, asks: list[tuple[int, Any, int]]) -> None:
        self._do(self._world.admit([(self._at(n), caller, bound) for n, caller, bound in asks]))

    @precondition(lambda self: any(deed.cost is None for deed in self._world.truth.deeds))
    @rule(which=st.integers(0, 1_000), share=st.sampled_from([0.0, 0.5, 1.0]))
    def _settle(self, which: int, share: float) -> None:
        running = [deed for deed in self._world.truth.deeds if deed.cost is None]
        deed = running[which % len(running)]
        deed.settle(int(deed.request.bound * share))

    @rule(number=GATEWAYS)
    def _apply(self, number: int) -> None:
        self._do(self._world.apply(self._at(number)))

    @rule(number=GATEWAYS)
    def _sync(self, number: int) -> None:
        self._do(self._world.sync(self._at(number)))

    @rule(seconds=st.sampled_from([0.1, 1.5, 4.0, 86_400.0, 31 * 86_400.0]))
    def _pass_time(self, seconds: float) -> None:
        self._world.time.pass_s(seconds)
        for gateway in self._world.gateways:
            self._do(self._world.sync(gateway))

    @rule(
        subject=st.sampled_from(SUBJECTS),
        quota_id=st.sampled_from([*BUDGETS, QuotaId.CONCURRENT_REQUESTS]),
        value=st.none() | st.integers(0, 400),
    )
    def _change_limit(self, subject: str, quota_id: QuotaId, value: int | None) -> None:
        self._do(self._world.set_limit(subject, quota_id, value))

    @rule(number=GATEWAYS)
    def _refresh(self, number: int) -> None:
        self._do(self._world.refresh(self._at(number)))

    @rule(number=GATEWAYS, breaks=st.sampled_from(["before", "after"]))
    def _break_off_next_commit(self, number: int, breaks: str) -> None:
        self._at(number).break_off(breaks)

    @rule(number=GATEWAYS)
    def _crash(self, number: int) -> None:
        self._do(self._world.end_one(self._at(number), well=False))

    @rule(number=GATEWAYS)
    def _stop(self, number: int) -> None:
        self._do(self._world.end_one(self._at(number), well=True))

    @rule(number=GATEWAYS)
    def _recover(self, number: int) -> None:
        self._do(self._world.recover(self._at(number)))

    @invariant()
    def _nothing_is_overspent(self) -> None:
        self._world.truth.check()

    def teardown(self) -> None:
        try:
            self._do(self._world.end())
        finally:
            self._do(self._world.close())
            self._runner.close()
            shutil.rmtree(self._home)


def test_no_way_leads_to_overspending_or_to_a_refusal_in_vain(
    request: pytest.FixtureRequest,
) -> None:
    Machine.template = request.getfixturevalue("_migrated_sqlite")

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
