"""The limits of this gateway: a snapshot of what is set, and the wallets of its callers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from hearth.accounts import Caller
from hearth.errors import AccountSuspended
from hearth.kit.db import Database
from hearth.limits import store
from hearth.limits.deaths import Deaths, Recover
from hearth.limits.keeper import Keeper
from hearth.limits.lender import Lender, uptime
from hearth.limits.pacer import Pacer
from hearth.limits.types import WINDOWS, Quota, QuotaId, subjects
from hearth.limits.wallet import Wallet
from hearth.limits.watch import Holdings

_SUSPENDED = {
    "FAILED_PAYMENTS": "its payments have failed; settle them and ask the operator to resume it",
    "BLOCKED_BY_ABUSE_RULE": "its use broke a rule; ask the operator",
}


class Clocks(NamedTuple):
    """What time it is, twice."""

    uptime: Callable[[], float] = uptime
    "Seconds that only ever grow: how long leases are good."
    time_ns: Callable[[], int] = time.time_ns
    "By which rates refill."


MACHINE = Clocks()


class Limits:
    """What binds the requests of this process, shared with every other gateway.

    Args:
        instance: of this process's journal.
        recover: replays the journals of this home's dead gateways; see `metering.replay`, with
            `release` as what is told of each.
        is_here: whether the journal of a gateway is in this home.
    """

    def __init__(
        self,
        db: Database,
        instance: str,
        *,
        recover: Recover,
        is_here: Callable[[str], bool],
        clocks: Clocks = MACHINE,
    ) -> None:
        self._db = db
        self.leases = Lender(db, instance, clocks.uptime)
        "For the applier of this process's journal."
        self.holdings = Holdings(self.leases, lambda: self._kinds)
        "For operators."
        self.pacer = Pacer(db, clocks.uptime, self.leases.wake, clocks.time_ns)
        self.deaths = Deaths(db, instance, recover, is_here, clocks.uptime)
        self._keeper = Keeper(self.leases, self.pacer, self.deaths)
        self._empty = Wallet((), self.leases, self.pacer)
        self._quotas: dict[str, list[Quota]] = {}
        self._kinds: dict[str, QuotaId] = {}
        self._limited: set[str] = set()
        self._suspended: dict[str, str] = {}
        self._wallets: dict[str, Wallet] = {}
        self._refreshing = asyncio.Lock()

    def start(self) -> None:
        """Share in the background; `close` ends it."""
        self._keeper.start()

    async def close(self) -> None:
        """Give back what is not in use; call it once the journal is applied."""
        await self._keeper.close()

    async def refresh(self) -> None:
        """Learn what is set; what runs is bound by what was known when it began.

        Raises:
            Unavailable: the database cannot be reached.
        """
        async with self._refreshing:
            async with store.retryable(self._db.read()) as conn:
                found = await store.list_quotas(conn)
                self._suspended = await store.suspensions(conn)
            self._quotas = {}
            for quota in found:
                self._quotas.setdefault(quota.subject, []).append(quota)
            self._kinds = {quota.uid: quota.quota_id for quota in found}
            self._limited = {quota.account_id for quota in found}
            self._wallets = {}
            self.pacer.keep_only({q.uid for q in found if WINDOWS[q.quota_id] == "minute"})

    def gate(self, caller: Caller) -> None:
        """Refuse whoever may ask nothing at all, before any work.

        Raises:
            AccountSuspended: an operator has stopped the account.
        """
        if self._suspended and (state := self._suspended.get(caller.account_id)):
            reason = _SUSPENDED.get(state, f"it is {state}; ask the operator")
            raise AccountSuspended(f"Account {caller.account_id} is suspended: {reason}.")

    def wallet(self, caller: Caller) -> Wallet:
        """The limits that bind a caller: its account's, its user's and its key's."""
        if caller.account_id not in self._limited:
            return self._empty
        wallet = self._wallets.get(caller.key_id)
        if wallet is None:
            of = subjects(caller.account_id, caller.user_id, caller.key_id)
            quotas = [quota for subject in of for quota in self._quotas.get(subject, ())]
            wallet = Wallet(quotas, self.leases, self.pacer) if quotas else self._empty
            self._wallets[caller.key_id] = wallet
        return wallet


def journals_in(home: Path) -> Callable[[str], bool]:
    """Tells whether a gateway's journal is in a home."""
    folder = home / "journal"
    return lambda instance: (folder / instance).is_dir()
