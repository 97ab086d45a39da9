"""Whether an account may go on: what an operator set, else what follows from its limits."""

from __future__ import annotations

from hearth.accounts import Actor, AuditEntry, record
from hearth.billing import store
from hearth.billing.types import SETTABLE, BillingAccount, SuspendState
from hearth.errors import InvalidRequest
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Database
from hearth.kit.versions import bump
from hearth.limits import QUOTAS, QuotaId, QuotaService

_DERIVED = {
    QuotaId.MONTHLY_SPEND: SuspendState.MONTHLY_SPEND_LIMIT_EXCEEDED,
    QuotaId.PREPAID_CREDIT: SuspendState.CREDIT_DEPLETED,
}


class Standing:
    """How accounts stand, and the operator's say in it."""

    def __init__(self, db: Database, quotas: QuotaService, clock: Clock = utc_now) -> None:
        self._db = db
        self._quotas = quotas
        self._clock = clock

    async def account(self, account_id: str) -> BillingAccount:
        """How an account pays, and whether an operator stopped it."""
        async with self._db.read() as conn:
            return await store.get_account(conn, account_id)

    async def suspend_state(self, account_id: str) -> SuspendState:
        """Why an account may not go on, or `UNSUSPENDED`."""
        account = await self.account(account_id)
        if account.suspend_state is not SuspendState.UNSUSPENDED:
            return account.suspend_state
        for quota in await self._quotas.list(account_id):
            state = _DERIVED.get(quota.quota_id)
            if state is not None and quota.subject == f"accounts/{account_id}":
                usage = await self._quotas.usage(quota)
                if usage.spent >= quota.value:
                    return state
        return SuspendState.UNSUSPENDED

    async def set_suspended(
        self, account_id: str, state: SuspendState, actor: Actor
    ) -> BillingAccount:
        """Stop an account, or let it go on with `UNSUSPENDED`.

        Raises:
            InvalidRequest: the state is not an operator's to set.
        """
        if state not in (*SETTABLE, SuspendState.UNSUSPENDED):
            raise InvalidRequest(
                f"suspendState: {state} follows from the account's limits; "
                f"set {' or '.join(SETTABLE)}.",
                param="suspendState",
            )
        async with self._db.write() as conn:
            account = await store.lock_account(conn, account_id)
            changed = BillingAccount(account_id=account_id, mode=account.mode, suspend_state=state)
            await store.update_account(conn, changed)
            await bump(conn, QUOTAS)
            audit = AuditEntry(
                actor=actor,
                method="SuspendAccount" if state in SETTABLE else "ResumeAccount",
                resource=f"accounts/{account_id}",
                payload={"suspendState": state.value},
            )
            await record(conn, audit, clock=self._clock)
        return changed
