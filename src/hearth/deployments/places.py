"""Where replicas may be, what of it is free now, and what it costs an account."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import cached_property

from hearth.deployments.placement import (
    AcceleratorType,
    Ask,
    Decision,
    Free,
    Inventory,
    PlaceKey,
    Planner,
    free_after,
    hourly_prices,
)
from hearth.deployments.types import Replica
from hearth.pricing import PriceBook

BookAt = Callable[[str, int], PriceBook]
"The price book of an account at a time in nanoseconds."


class Places:
    """The inventory, and a planner for each price book in force.

    Args:
        read_inventory: every place there is; read once, when first needed, for it may have to ask
            the machine what it has.
        book_at: see `PriceBooks.at`.
        now_ns: tells the moment whose prices count.
    """

    def __init__(
        self,
        read_inventory: Callable[[], Inventory],
        book_at: BookAt,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._read_inventory = read_inventory
        self._book_at = book_at
        self._now_ns = now_ns
        self._planners: dict[str, Planner] = {}

    @cached_property
    def inventory(self) -> Inventory:
        """Every place there is."""
        return self._read_inventory()

    def plan(self, ask: Ask, account_id: str, replicas: Iterable[Replica]) -> Decision:
        """Decide where one more replica goes, beside those that hold places already."""
        return self.plan_in(self.free(replicas), ask, account_id)

    def plan_in(self, free: Free, ask: Ask, account_id: str) -> Decision:
        """The same, given what is free."""
        book = self._book_at(account_id, self._now_ns())
        planner = self._planners.get(book.version)
        if planner is None:
            planner = self._planners[book.version] = Planner(self.inventory, hourly_prices(book))
        return planner.plan(free, ask)

    def room(self, replicas: Iterable[Replica]) -> Room:
        """What is left beside these, to plan several replicas in turn."""
        return Room(self, self.free(replicas))

    def hourly_prices(self, account_id: str) -> dict[AcceleratorType, int]:
        """Nano-USD that an account pays now for an hour of each kind of accelerator."""
        return hourly_prices(self._book_at(account_id, self._now_ns()))

    def free(self, replicas: Iterable[Replica]) -> dict[PlaceKey, int]:
        """What nobody holds, by region and kind of accelerator."""
        held = [
            ((each.region, AcceleratorType(each.accelerator_type)), each.taken)
            for each in replicas
            if each.accelerator_type
        ]
        return free_after(self.inventory, held)


class Room:
    """What is free, less what was planned since."""

    def __init__(self, places: Places, free: dict[PlaceKey, int]) -> None:
        self._places = places
        self._free = free

    def plan(self, ask: Ask, account_id: str) -> Decision:
        """Decide where one more replica goes; the place it gets is taken."""
        decision = self._places.plan_in(self._free, ask, account_id)
        if decision.place is not None:
            self._free[decision.place.key] -= decision.place.taken
        return decision
