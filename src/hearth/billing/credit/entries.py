"""Credit: granted, redeemed, adjusted; never taken back by changing what was written.

A prepaid account's limit `prepaid-credit-usd` is the sum of its entries, written with each of them,
so that the gateways refuse what no credit covers just as they do for any other limit.
"""

from __future__ import annotations

from hearth.accounts import Actor, AuditEntry, record
from hearth.billing import store
from hearth.billing.invoices.months import account_statements
from hearth.billing.money import dollars
from hearth.billing.types import BillingAccount, Entry, EntryKind, Mode, Movement
from hearth.errors import InvalidRequest
from hearth.kit.clock import Clock, to_ns, utc_now
from hearth.kit.db import Connection, Database
from hearth.kit.ids import new_id
from hearth.limits import QuotaId, QuotaService
from hearth.metering import closed_until, day_costs
from hearth.pricing import NANO

MAX_CREDIT = 10_000_000 * NANO
"Ten million dollars in one entry: more is a slip of the keyboard."
MAX_REASON_CHARS = 256


class Credits:
    """Moves the credit of accounts; each account exists, says who calls."""

    def __init__(self, db: Database, quotas: QuotaService, clock: Clock = utc_now) -> None:
        self._db = db
        self._quotas = quotas
        self._clock = clock

    async def grant(self, account_id: str, amount_nano: int, reason: str, actor: Actor) -> Entry:
        """Give an account credit.

        Raises:
            InvalidRequest: the amount is not above 0 or absurdly high, or there is no reason.
        """
        check_amount(amount_nano)
        movement = Movement(EntryKind.CREDIT, amount_nano, _checked_reason(reason), actor.principal)
        return await self._move(account_id, movement, actor, "GrantCredit")

    async def adjust(self, account_id: str, amount_nano: int, reason: str, actor: Actor) -> Entry:
        """Correct what an account owes: by a positive amount in its favour, or a negative one.

        Raises:
            InvalidRequest: the amount is 0 or absurdly high, or there is no reason.
        """
        check_amount(abs(amount_nano))
        reason = _checked_reason(reason)
        movement = Movement(EntryKind.ADJUSTMENT, amount_nano, reason, actor.principal)
        return await self._move(account_id, movement, actor, "AdjustBill")

    async def set_mode(self, account_id: str, mode: Mode, actor: Actor) -> BillingAccount:
        """Let an account pay by invoice or from credit from now on.

        One that turns prepaid keeps the credit that it has left; what it owes stays on invoices.
        """
        async with self._db.write() as conn:
            account = await store.lock_account(conn, account_id)
            if account.mode is mode:
                return account
            changed = BillingAccount(
                account_id=account_id, mode=mode, suspend_state=account.suspend_state
            )
            await store.update_account(conn, changed)
            if mode is Mode.PREPAID:
                amount = await self._opening(conn, account_id)
                reason = "turned prepaid"
                movement = Movement(EntryKind.OPENING, amount, reason, actor.principal)
                await self.add(conn, changed, movement)
            else:
                await self._quotas.end(conn, f"accounts/{account_id}", QuotaId.PREPAID_CREDIT)
            entry = AuditEntry(
                actor=actor,
                method="SetBillingMode",
                resource=f"accounts/{account_id}",
                payload={"mode": mode.value},
            )
            await record(conn, entry, clock=self._clock)
            return changed

    async def add(self, conn: Connection, account: BillingAccount, movement: Movement) -> Entry:
        """Add an entry to a locked account and, if it is prepaid, move its limit with it.

        Months that are billed do not change: an entry's time is never before the end of the last
        one, even if the clock has jumped back.
        """
        entry = Entry(
            id=new_id("credit"),
            account_id=account.account_id,
            time_ns=max(to_ns(self._clock()), await closed_until(conn, account.account_id)),
            kind=movement.kind,
            amount_nano=movement.amount_nano,
            reason=movement.reason,
            principal=movement.principal,
        )
        await store.insert_entry(conn, entry)
        if account.mode is Mode.PREPAID:
            total = await store.sum_entries(conn, account.account_id)
            subject = f"accounts/{account.account_id}"
            await self._quotas.put(conn, subject, QuotaId.PREPAID_CREDIT, total)
        return entry

    async def _opening(self, conn: Connection, account_id: str) -> int:
        """What keeps usage that is owed on invoices from being counted against credit."""
        months = await account_statements(conn, account_id)
        spent = sum(cost for _, cost in await day_costs(conn, account_id))
        left = months[-1].credit_left if months else 0
        return spent - await store.sum_entries(conn, account_id) + left

    async def _move(self, account_id: str, movement: Movement, actor: Actor, method: str) -> Entry:
        async with self._db.write() as conn:
            account = await store.lock_account(conn, account_id)
            entry = await self.add(conn, account, movement)
            payload = {"amountUsd": dollars(movement.amount_nano), "reason": movement.reason}
            audit = AuditEntry(
                actor=actor,
                method=method,
                resource=f"accounts/{account_id}/creditEntries/{entry.id}",
                payload=payload,
            )
            await record(conn, audit, clock=self._clock)
            return entry


def check_amount(amount_nano: int) -> None:
    """Raises `InvalidRequest` unless the amount is above 0 and no more than anybody means."""
    if not 0 < amount_nano <= MAX_CREDIT:
        raise InvalidRequest(
            f"amount: write dollars above 0 and up to {MAX_CREDIT // NANO}, "
            f"not {dollars(amount_nano)}.",
            param="amount",
        )


def _checked_reason(reason: str) -> str:
    if not reason.strip() or len(reason) > MAX_REASON_CHARS or not reason.isprintable():
        raise InvalidRequest(
            f"reason: say why, in one line of at most {MAX_REASON_CHARS} characters.",
            param="reason",
        )
    return reason
