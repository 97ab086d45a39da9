"""Where a replica goes: the first place, best first, that would do and has enough free.

Pure: equal arguments give equal decisions. What is free is only read, so that whoever holds the
lock on it decides when it changes; `plan_many` takes what it gives from a copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from hearth.deployments.placement.asks import Ask
from hearth.deployments.placement.decisions import Decision, Refusal
from hearth.deployments.placement.explaining import explain
from hearth.deployments.placement.refusals import refuse, wait
from hearth.deployments.placement.rules import Rules, Study
from hearth.deployments.placement.types import Free, Inventory, PlaceKey, Prices
from hearth.deployments.placement.wishes import read_ask

_MAX_STUDIES = 4096
"Distinct asks that a planner remembers."


class Planner:
    """Plans in one inventory at one set of prices; what equal asks share is found once."""

    def __init__(self, inventory: Inventory, prices: Prices) -> None:
        self._rules = Rules(inventory, prices)
        self._studies: dict[Ask, Study | Decision] = {}

    def plan(self, free: Free, ask: Ask) -> Decision:
        """Decide for one replica; see `plan`."""
        studied = self._studies.get(ask)
        if studied is None:
            if len(self._studies) >= _MAX_STUDIES:
                self._studies.clear()
            studied = self._studies[ask] = self._study(ask)
        if isinstance(studied, Decision):
            return studied
        return self._choose(studied, free)

    def plan_many(self, free: Free, asks: Iterable[Ask]) -> list[Decision]:
        """Decide for replicas in turn; each takes what it gets from what the next ones find."""
        left = dict(free)
        decisions = []
        for ask in asks:
            decision = self.plan(left, ask)
            if decision.place is not None:
                left[decision.place.key] -= decision.place.taken
            decisions.append(decision)
        return decisions

    def _study(self, ask: Ask) -> Study | Decision:
        wish = read_ask(ask, self._rules.inventory)
        if isinstance(wish, Refusal):
            return Decision(refusal=wish)
        study = self._rules.study(wish)
        if study.options:
            return study
        refusal = refuse(self._rules, study)
        return Decision(
            refusal=refusal, explain=partial(explain, self._rules, study, (), is_placed=False)
        )

    def _choose(self, study: Study, free: Free) -> Decision:
        seen: list[int] = []
        for option in study.options:
            available = free.get(option.key, 0)
            seen.append(available)
            if available >= option.taken:
                return Decision(
                    place=self._rules.place(study, option),
                    explain=partial(explain, self._rules, study, tuple(seen), is_placed=True),
                )
        return Decision(
            refusal=wait(study, seen),
            explain=partial(explain, self._rules, study, tuple(seen), is_placed=False),
        )


def plan(inventory: Inventory, free: Free, ask: Ask, prices: Prices) -> Decision:
    """Where one replica goes, or why nowhere, with what became of every place.

    Rules in order: region, fallbacks in order, multi-region; cloud; certifications; the model's
    own weights on real accelerators; accelerator; precision; memory; size of the place; what is
    free. Of the places left, earlier asked regions come first, then real before emulated,
    then priced before not priced, then the cheapest, then fewer accelerators, then those that the
    inventory has first.
    """
    return Planner(inventory, prices).plan(free, ask)


def plan_many(
    inventory: Inventory, free: Free, asks: Sequence[Ask], prices: Prices
) -> list[Decision]:
    """Plan replicas in turn, each with what the ones before it left."""
    return Planner(inventory, prices).plan_many(free, asks)


def free_after(inventory: Inventory, taken: Iterable[tuple[PlaceKey, int]]) -> dict[PlaceKey, int]:
    """What is free of an inventory when so much is taken; never below zero.

    Places that the inventory no longer has are passed over.
    """
    free = inventory.capacity()
    for key, amount in taken:
        if key in free:
            free[key] = max(0, free[key] - amount)
    return free
