"""Setting limits, and how much of each is used; gateways learn of a change by its version."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from secrets import token_hex

from msgspec import Struct

from hearth.accounts import HEARTH, Actor, AuditEntry, record
from hearth.errors import InvalidRequest, NotFound
from hearth.kit.db import Connection, Database
from hearth.kit.versions import bump
from hearth.limits import store
from hearth.limits.types import WINDOWS, Quota, QuotaId, hold_id
from hearth.limits.windows import days_of, window_key

MAX_VALUE = 10**18
"A billion dollars in nano-USD; the sums of 64 bits hold nine of it."
RECALL_LIMIT_S = 1.0
RECALL_POLL_S = 0.02


class Usage(Struct, frozen=True, kw_only=True):
    """A limit, and where it stands in its present window."""

    quota: Quota
    spent: int
    "Nano-USD in the ledger; 0 for what is no budget."
    leased: int
    "Held by gateways: for running requests, for costs on their way to the ledger, and in hand."


class QuotaService:
    """The rules of setting limits; knows neither HTTP nor who may."""

    def __init__(self, db: Database, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._db = db
        self._clock_ns = clock_ns

    async def list(self, account_id: str) -> list[Quota]:
        """Every limit set for an account, its users and their keys."""
        async with store.retryable(self._db.read()) as conn:
            return await store.list_quotas(conn, account_id=account_id)

    async def get(self, subject: str, quota_id: QuotaId) -> Quota:
        """One limit; raises `NotFound`."""
        async with store.retryable(self._db.read()) as conn:
            return await _one(conn, subject, quota_id)

    async def set(
        self,
        subject: str,
        quota_id: QuotaId,
        value: int,
        *,
        soft_value: int | None = None,
        actor: Actor = HEARTH,
    ) -> Quota:
        """Set or change a limit; a lower one is kept to by every gateway when this returns, or a
        moment later if one does not answer.

        Args:
            subject: whose limit.
            quota_id: which.
            value: nano-USD, requests or tokens.
            soft_value: of rates; see `Quota`.
            actor: who does it, for the audit log.

        Raises:
            InvalidRequest: the value cannot be.
        """
        _check(quota_id, value, soft_value)
        payload = {"limit": value, "softLimit": soft_value}
        async with store.retryable(self._db.write()) as conn:
            quota = await self.put(conn, subject, quota_id, value, soft_value=soft_value)
            await record(conn, _audit(actor, "UpdateQuota", subject, quota_id, payload))
        await self._until_answered(quota.uid)
        return quota

    async def put(
        self,
        conn: Connection,
        subject: str,
        quota_id: QuotaId,
        value: int,
        *,
        soft_value: int | None = None,
    ) -> Quota:
        """The same within the caller's transaction, for any limit; nobody waits for gateways."""
        quota = Quota(
            uid=f"q{token_hex(6)}",
            account_id=subject.split("/")[1],
            subject=subject,
            quota_id=quota_id,
            value=value,
            soft_value=soft_value,
        )
        await store.put_quota(conn, quota, self._clock_ns())
        quota = await _one(conn, subject, quota_id)
        await store.recall_all(conn, quota.uid)
        await bump(conn, store.QUOTAS)
        return quota

    async def remove(self, subject: str, quota_id: QuotaId, *, actor: Actor = HEARTH) -> None:
        """Let a limit end; raises `NotFound`, and `InvalidRequest` for the prepaid credit."""
        _check(quota_id, 0, None)
        async with store.retryable(self._db.write()) as conn:
            if not await self.end(conn, subject, quota_id):
                raise _no_limit(subject, quota_id)
            await record(conn, _audit(actor, "DeleteQuota", subject, quota_id, {}))

    async def end(self, conn: Connection, subject: str, quota_id: QuotaId) -> bool:
        """The same within the caller's transaction, for any limit; False if there was none."""
        was_set = await store.remove_quota(conn, subject, quota_id)
        await bump(conn, store.QUOTAS)
        return was_set

    async def usage(self, quota: Quota) -> Usage:
        """Where a limit stands now."""
        window = WINDOWS[quota.quota_id]
        if window == "minute":
            return Usage(quota=quota, spent=0, leased=0)
        key = window_key(window, self._clock_ns())
        async with store.retryable(self._db.read()) as conn:
            figures = await store.figures(
                conn, "", hold_id(quota.uid, key), subject=quota.subject, days=days_of(key)
            )
        return Usage(quota=quota, spent=figures.spent, leased=figures.others)

    async def _until_answered(self, uid: str) -> None:
        deadline_s = time.monotonic() + RECALL_LIMIT_S
        while time.monotonic() < deadline_s:
            async with store.retryable(self._db.read()) as conn:
                if not await store.is_recalled(conn, uid):
                    return
            await asyncio.sleep(RECALL_POLL_S)


def _audit(
    actor: Actor, method: str, subject: str, quota_id: QuotaId, payload: object
) -> AuditEntry:
    resource = f"{subject}/quotas/{quota_id}"
    return AuditEntry(actor=actor, method=method, resource=resource, payload=payload)


def _check(quota_id: QuotaId, value: int, soft_value: int | None) -> None:
    if quota_id is QuotaId.PREPAID_CREDIT:
        raise InvalidRequest(
            "The prepaid credit is what was paid in; add credit instead.", param="name"
        )
    if not 0 <= value <= MAX_VALUE:
        raise InvalidRequest(f"value: a limit is a number from 0 to {MAX_VALUE}.", param="value")
    if soft_value is None:
        return
    if WINDOWS[quota_id] != "minute":
        raise InvalidRequest("softValue: only limits per minute have one.", param="softValue")
    if not 0 <= soft_value <= value:
        raise InvalidRequest("softValue: it is at most the limit itself.", param="softValue")


async def _one(conn: Connection, subject: str, quota_id: QuotaId) -> Quota:
    found = await store.list_quotas(conn, subject=subject, quota_id=quota_id)
    if not found:
        raise _no_limit(subject, quota_id)
    return found[0]


def _no_limit(subject: str, quota_id: QuotaId) -> NotFound:
    return NotFound(f"No limit {quota_id} is set for {subject}.")
