"""What credit an account has left, and what it owes."""

from __future__ import annotations

from msgspec import Struct

from hearth.billing import store
from hearth.billing.invoices.months import account_statements
from hearth.billing.money import Money, to_money
from hearth.billing.types import Mode, SuspendState
from hearth.kit.db import Database
from hearth.metering import day_costs


class Balance(Struct, frozen=True, kw_only=True, rename="camel"):
    """How an account stands with its money."""

    money: Money
    "Credit left; of a prepaid account what it may still spend."
    mode: Mode
    amount_due: Money
    "On all invoices, the running month's draft included; payments are not known here."
    total_spend: Money
    suspend_state: SuspendState
    "What an operator set; what follows from limits is shown on the account."


class Balances:
    """Reads balances; each is derived, none is kept."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, account_id: str) -> Balance:
        """The balance of an account at this moment."""
        async with self._db.read() as conn:
            account = await store.get_account(conn, account_id)
            months = await account_statements(conn, account_id)
            spent = sum(cost for _, cost in await day_costs(conn, account_id))
            left = months[-1].credit_left if months else 0
            if account.mode is Mode.PREPAID:
                left = await store.sum_entries(conn, account_id) - spent
        return Balance(
            money=to_money(left),
            mode=account.mode,
            amount_due=to_money(sum(month.due for month in months)),
            total_spend=to_money(spent),
            suspend_state=account.suspend_state,
        )
