"""The rules of API keys: shown once, kept as a digest, ended by date or by hand."""

from __future__ import annotations

import hashlib
import secrets

from hearth.accounts import store
from hearth.accounts.audit import OPERATOR, Actor, AuditEntry, record
from hearth.accounts.types import RESPONSE_CACHE, ApiKey, KeyCreate, keep_s_of
from hearth.errors import InvalidRequest, NotFound
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Database
from hearth.kit.ids import new_id
from hearth.kit.pages import ListQuery, Page
from hearth.kit.versions import bump

KEYS_VERSION = "keys"
"""The version row that moves with every change of keys, or of the role of their users."""

_SECRET_BYTES = 32  # 43 letters after the prefix
_PREFIX_CHARS = 8  # enough to tell one's keys apart, far too little to guess the rest


def new_secret() -> str:
    """A key nobody can guess."""
    return "fw_" + secrets.token_urlsafe(_SECRET_BYTES)


def digest_of(secret: str) -> str:
    """What is kept of a key. It is too random to be guessed from a plain, fast digest."""
    return hashlib.sha256(secret.encode()).hexdigest()


class KeyService:
    """The keys of users; each change reaches every gateway by the version row."""

    def __init__(self, db: Database, clock: Clock = utc_now) -> None:
        self._db = db
        self._clock = clock

    async def create(
        self,
        account_id: str,
        user_id: str,
        spec: KeyCreate,
        *,
        secret: str | None = None,
        actor: Actor = OPERATOR,
    ) -> tuple[ApiKey, str]:
        """Make a key; its secret is returned here and never again.

        Raises:
            NotFound: there is no such user.
            InvalidRequest: it would have expired already, or an annotation says nothing.
        """
        secret = secret or new_secret()
        now = self._clock()
        if spec.expire_time is not None and spec.expire_time <= now:
            raise InvalidRequest(
                "apiKey.expireTime lies in the past; name a later time, or none.",
                param="apiKey.expireTime",
            )
        _check_annotations(spec)
        key_id = new_id("key")
        values = {
            "key_id": key_id,
            "account_id": account_id,
            "user_id": user_id,
            "display_name": spec.display_name,
            "digest": digest_of(secret),
            "prefix": secret[:_PREFIX_CHARS],
            "annotations": spec.annotations,
            "create_time": now,
            "expire_time": spec.expire_time,
            "disabled": False,
        }
        async with self._db.write() as conn:
            if await store.get_user(conn, account_id, user_id) is None:
                raise NotFound(f"There is no user {user_id!r} in the account {account_id!r}.")
            await store.insert_key(conn, values)
            await bump(conn, KEYS_VERSION)
            key = await store.get_key(conn, account_id, user_id, key_id)
            resource = _name(account_id, user_id, key_id)
            entry = AuditEntry(actor=actor, method="CreateApiKey", resource=resource, payload=spec)
            await record(conn, entry, clock=self._clock)
        assert key is not None, "it was inserted in this transaction"
        return key, secret

    async def get(self, account_id: str, user_id: str, key_id: str) -> ApiKey:
        """The key, without its secret; raises `NotFound`."""
        async with self._db.read() as conn:
            key = await store.get_key(conn, account_id, user_id, key_id)
        if key is None:
            raise _missing(key_id)
        return key

    async def list(self, account_id: str, user_id: str | None, query: ListQuery) -> Page[ApiKey]:
        """A page of a user's keys, or of all in the account; raises `NotFound` for no such user."""
        async with self._db.read() as conn:
            if user_id is not None and await store.get_user(conn, account_id, user_id) is None:
                raise NotFound(f"There is no user {user_id!r} in the account {account_id!r}.")
            return await store.list_keys(conn, account_id, user_id, query)

    async def owner(self, account_id: str, key_id: str) -> str:
        """The id of the user whose key it is; raises `NotFound`."""
        async with self._db.read() as conn:
            user_id = await store.find_key(conn, account_id, key_id)
        if user_id is None:
            raise _missing(key_id)
        return user_id

    async def opens(self, account_id: str, user_id: str, secret: str) -> bool:
        """Whether this is a key of the user that may be used now."""
        async with self._db.read() as conn:
            keys = await store.usable_keys(conn, digest=digest_of(secret))
        now = self._clock().timestamp()
        return any(
            (caller.account_id, caller.user_id) == (account_id, user_id)
            and (expires is None or now < expires)
            for _, caller, expires in keys
        )

    async def disable(
        self, account_id: str, user_id: str, key_id: str, *, actor: Actor = OPERATOR
    ) -> None:
        """Let a key open nothing any more, but keep it listed; raises `NotFound`."""
        async with self._db.write() as conn:
            if not await store.disable_key(conn, account_id, user_id, key_id):
                raise _missing(key_id)
            await bump(conn, KEYS_VERSION)
            resource = _name(account_id, user_id, key_id)
            entry = AuditEntry(actor=actor, method="DisableApiKey", resource=resource)
            await record(conn, entry, clock=self._clock)

    async def delete(
        self, account_id: str, user_id: str, key_id: str, *, actor: Actor = OPERATOR
    ) -> None:
        """Forget a key, which then opens nothing any more; raises `NotFound`."""
        async with self._db.write() as conn:
            if not await store.delete_key(conn, account_id, user_id, key_id):
                raise _missing(key_id)
            await bump(conn, KEYS_VERSION)
            resource = _name(account_id, user_id, key_id)
            entry = AuditEntry(actor=actor, method="DeleteApiKey", resource=resource)
            await record(conn, entry, clock=self._clock)


def _name(account_id: str, user_id: str, key_id: str) -> str:
    return f"accounts/{account_id}/users/{user_id}/apiKeys/{key_id}"


def _missing(key_id: str) -> NotFound:
    return NotFound(f"There is no key {key_id[:80]!r} here.")


def _check_annotations(spec: KeyCreate) -> None:
    try:
        keep_s_of(spec.annotations)
    except ValueError as error:
        param = f"apiKey.annotations.{RESPONSE_CACHE}"
        raise InvalidRequest(f"{param} {error}.", param=param) from error
