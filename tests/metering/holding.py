"""What limits do with the ledger's transactions, as small as it can be: amounts in a table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from sqlalchemy import text

from hearth.errors import Unavailable
from hearth.kit.db import Connection, Database


class Holding:
    """Leases of one gateway: absolute amounts, in memory and in `leases`."""

    def __init__(self, instance: str, amounts: Mapping[str, int]) -> None:
        self.lock = asyncio.Lock()
        self.amounts = dict(amounts)
        self._instance = instance

    async def write(self, conn: Connection, spent: Mapping[str, int]) -> None:
        assert self.lock.locked()
        for hold, cost in spent.items():
            await conn.execute(
                text(
                    "INSERT INTO leases (instance, hold_id, amount, recalled, wanted)"
                    " VALUES (:instance, :hold, :amount, :recalled, :recalled)"
                    " ON CONFLICT (instance, hold_id) DO UPDATE SET amount = excluded.amount"
                ),
                {
                    "instance": self._instance,
                    "hold": hold,
                    "amount": self.amounts[hold] - cost,
                    "recalled": False,
                },
            )

    def written(self, spent: Mapping[str, int]) -> None:
        assert self.lock.locked()
        for hold, cost in spent.items():
            self.amounts[hold] -= cost


async def leased(db: Database) -> dict[tuple[str, str], int]:
    """The amounts in the table, by instance and hold."""
    async with db.read() as conn:
        rows = await conn.execute(text("SELECT instance, hold_id, amount FROM leases"))
        return {(row[0], row[1]): row[2] for row in rows}


class DoubtfulDatabase(Database):
    """A real database that loses its first commit, and does not answer its second, and so on."""

    def __init__(self, url: str, *, num_failures: int) -> None:
        super().__init__(url)
        self.num_failures = num_failures

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        async with super().write() as conn:
            yield conn
            self.num_failures -= 1
            if self.num_failures >= 0 and self.num_failures % 2:
                raise Unavailable("The connection broke before the commit.")
        if self.num_failures >= 0:
            raise Unavailable("The connection broke before the commit was answered.")
