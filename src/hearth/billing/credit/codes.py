"""Credit codes: made by an operator, shown once, redeemed once by each account."""

from __future__ import annotations

import base64
import hashlib
import os
from datetime import datetime

from hearth.accounts import Actor, AuditEntry, record
from hearth.billing import store
from hearth.billing.credit.entries import Credits, check_amount
from hearth.billing.money import dollars
from hearth.billing.types import EntryKind, Movement, Redemption
from hearth.errors import Conflict, InvalidRequest, NotFound
from hearth.kit.clock import Clock, to_ns, to_rfc3339, utc_now
from hearth.kit.db import Database
from hearth.kit.pages import ListQuery, Page

PREFIX = "credit_"
_RANDOM_BYTES = 20  # nobody guesses 160 bits
MAX_REDEMPTIONS = 1_000_000


def digest_of(code: str) -> str:
    """What is kept of a code. A code is random, so its digest needs no salt."""
    return hashlib.sha256(code.strip().encode(errors="replace")).hexdigest()


class CreditCodes:
    """The rules of credit codes."""

    def __init__(self, db: Database, entries: Credits, clock: Clock = utc_now) -> None:
        self._db = db
        self._entries = entries
        self._clock = clock

    async def create(
        self, amount_nano: int, *, max_redemptions: int, expire_time: datetime | None, actor: Actor
    ) -> str:
        """Make a code that so many accounts may redeem, each once, and return it: the only time.

        Raises:
            InvalidRequest: an absurd amount or number, or an expiry in the past.
        """
        check_amount(amount_nano)
        if not 1 <= max_redemptions <= MAX_REDEMPTIONS:
            raise InvalidRequest(
                f"maxRedemptions: write 1 to {MAX_REDEMPTIONS}.", param="maxRedemptions"
            )
        now = self._clock()
        if expire_time is not None and expire_time <= now:
            raise InvalidRequest("expireTime: it has passed already.", param="expireTime")
        code = PREFIX + base64.b32encode(os.urandom(_RANDOM_BYTES)).decode().lower()
        digest = digest_of(code)
        payload = {"amountUsd": dollars(amount_nano), "maxRedemptions": max_redemptions}
        if expire_time is not None:
            payload["expireTime"] = to_rfc3339(expire_time)
        audit = AuditEntry(
            actor=actor,
            method="CreateCreditCode",
            resource=f"creditCodes/{digest[:16]}",
            payload=payload,
        )
        async with self._db.write() as conn:
            await store.insert_code(
                conn,
                digest=digest,
                amount_nano=amount_nano,
                max_redemptions=max_redemptions,
                times_ns=(to_ns(now), None if expire_time is None else to_ns(expire_time)),
            )
            await record(conn, audit, clock=self._clock)
        return code

    async def redeem(self, account_id: str, code: str, actor: Actor) -> int:
        """Turn a code into credit of an account; returns how much, in nano-USD.

        Raises:
            NotFound: there is no such code.
            Conflict: it has expired, is used up, or the account has redeemed it before.
        """
        digest = digest_of(code)
        async with self._db.write() as conn:
            account = await store.lock_account(conn, account_id)
            found = await store.lock_code(conn, digest)
            if found is None:
                raise NotFound("There is no such credit code.")
            amount_nano, max_redemptions, expire_time_ns = found
            now_ns = to_ns(self._clock())
            redeemers = await store.list_redeemers(conn, digest)
            if account_id in redeemers:
                raise Conflict("This account has redeemed the credit code before.")
            if expire_time_ns is not None and expire_time_ns <= now_ns:
                raise Conflict("The credit code has expired.")
            if len(redeemers) >= max_redemptions:
                raise Conflict("The credit code is used up.")
            await store.insert_redemption(
                conn, account_id=account_id, digest=digest, time_ns=now_ns
            )
            reason = f"credit code {digest[:16]}"
            movement = Movement(EntryKind.REDEMPTION, amount_nano, reason, actor.principal)
            entry = await self._entries.add(conn, account, movement)
            audit = AuditEntry(
                actor=actor,
                method="RedeemCreditCode",
                resource=f"accounts/{account_id}/creditEntries/{entry.id}",
                payload={"amountUsd": dollars(amount_nano)},
            )
            await record(conn, audit, clock=self._clock)
        return amount_nano

    async def list_redemptions(self, account_id: str, query: ListQuery) -> Page[Redemption]:
        """A page of what an account has redeemed."""
        async with self._db.read() as conn:
            return await store.list_redemptions(conn, account_id, query)
