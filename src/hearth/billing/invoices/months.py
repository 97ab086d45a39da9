"""From the ledger's days and the credit entries to statements by month."""

from __future__ import annotations

from collections.abc import Iterable

from hearth.billing import store
from hearth.billing.invoices.statement import MonthMoney, Statement, statements
from hearth.billing.times import month_of
from hearth.billing.types import Entry, EntryKind
from hearth.kit.clock import from_ns
from hearth.kit.db import Connection
from hearth.metering import day_costs

_DAY_NS = 86_400 * 10**9
ALL_NS = 2**63 - 1
"After everything."


async def account_statements(
    conn: Connection, account_id: str, *, until_ns: int = ALL_NS
) -> list[Statement]:
    """What each month came to, from the account's first on; the last may still run.

    Args:
        conn: a transaction, so that usage and credit are of one moment.
        account_id: whose.
        until_ns: nothing from then on counts; the start of a day.
    """
    costs = await day_costs(conn, account_id)
    entries = await store.list_entries(conn, account_id, until_ns=until_ns)
    return statements(_months([(d, c) for d, c in costs if d * _DAY_NS < until_ns], entries))


def _months(costs: Iterable[tuple[int, int]], entries: Iterable[Entry]) -> list[MonthMoney]:
    sums: dict[str, dict[str, int]] = {}

    def add(time_ns: int, field: str, nano: int) -> None:
        month = sums.setdefault(month_of(from_ns(time_ns)), {})
        month[field] = month.get(field, 0) + nano

    for day, cost in costs:
        add(day * _DAY_NS, "usage", cost)
    for entry in entries:
        add(entry.time_ns, _FIELDS[entry.kind], entry.amount_nano)
    return [MonthMoney(month=month, **fields) for month, fields in sorted(sums.items())]


_FIELDS = {
    EntryKind.CREDIT: "credits",
    EntryKind.REDEMPTION: "credits",
    EntryKind.ADJUSTMENT: "adjustments",
    EntryKind.OPENING: "openings",
}
