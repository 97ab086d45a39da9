"""The seam to limits: what was held for a request is given up where its cost becomes a row.

Metering knows neither limits nor amounts: it says in each transaction what the entries cost, by
the holds that their begins name, and says it once more when the transaction is in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol

from hearth.kit.db import Connection
from hearth.metering.types import Entry

OnDead = Callable[[Connection, str], Awaitable[None]]
"""Told of a dead gateway's instance, in a transaction after all of its journal is in the ledger."""


class Leases(Protocol):
    """What this process holds of the limits."""

    @property
    def lock(self) -> asyncio.Lock:
        """Held around each transaction with `write` and the `written` that follows it."""

    async def write(self, conn: Connection, spent: Mapping[str, int]) -> None:
        """Write what will be held once these costs, in nano-USD by hold, are spent.

        A transaction whose commit is in doubt is repeated, maybe with more entries in it: what is
        written are amounts, not differences.
        """

    def written(self, spent: Mapping[str, int]) -> None:
        """Take note that the transaction is in; called once for each entry."""


def spent_by_hold(entries: Iterable[Entry]) -> dict[str, int]:
    """What the entries cost, by the holds they are bound by."""
    spent: dict[str, int] = {}
    for begin, settle in entries:
        if settle.cost_nano:
            for hold in begin.holds:
                spent[hold] = spent.get(hold, 0) + settle.cost_nano
    return spent
