"""Authentication without a database: every usable key, by digest, in memory."""

from __future__ import annotations

import asyncio
from hashlib import sha256

from hearth.accounts import store
from hearth.accounts.types import Caller
from hearth.errors import Unauthenticated
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Database

_REMEDY = "Send one as `Authorization: Bearer fw_…`."


class KeySnapshot:
    """Knows every key as of the last `refresh`; empty before the first."""

    def __init__(self, db: Database, clock: Clock = utc_now) -> None:
        self._db = db
        self._clock = clock
        self._callers: dict[bytes, tuple[Caller, float | None]] = {}
        self._refreshing = asyncio.Lock()

    async def refresh(self) -> None:
        """Learn what changed; of two at once the later one sees at least what the other saw."""
        async with self._refreshing:
            async with self._db.read() as conn:
                keys = await store.usable_keys(conn)
            self._callers = {
                bytes.fromhex(digest): (caller, expires) for digest, caller, expires in keys
            }

    def authenticate(self, raw_key: str | None) -> Caller:
        """Whom a key stands for.

        Raises:
            Unauthenticated: there is none, or it is unknown, expired or disabled.
        """
        return self.caller(digest(raw_key))

    def caller(self, key_digest: bytes) -> Caller:
        """Whom the key with this digest stands for; see `authenticate`."""
        found = self._callers.get(key_digest)
        if found is None:
            raise Unauthenticated(f"The API key is unknown, disabled or deleted. {_REMEDY}")
        caller, expires = found
        if expires is not None and self._clock().timestamp() >= expires:
            raise Unauthenticated("The API key has expired. Create another one and send that.")
        return caller


def digest(raw_key: str | None) -> bytes:
    """What is kept of a key.

    Raises:
        Unauthenticated: there is none.
    """
    if not raw_key:
        raise Unauthenticated(f"The request carries no API key. {_REMEDY}")
    return sha256(raw_key.encode("utf-8", "surrogatepass")).digest()
