"""The rules of accounts and users; those of keys are in `keys`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from hearth.accounts import store
from hearth.accounts.audit import OPERATOR, Actor, AuditEntry, AuditLog, record
from hearth.accounts.keys import KEYS_VERSION, KeyService
from hearth.accounts.roles import Role, check_preset
from hearth.accounts.types import Account, Caller, State, User, UserCreate, UserUpdate
from hearth.accounts.user_changes import changed_columns, id_from, is_made_by
from hearth.errors import Conflict, NotFound
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Connection, Database
from hearth.kit.etags import check_etag
from hearth.kit.ids import check_resource_id, new_id
from hearth.kit.names import to_camel
from hearth.kit.pages import ListQuery, Page
from hearth.kit.versions import bump


class AccountService:
    """Accounts and their users; `keys` holds the rules of their keys.

    Every change is recorded in the audit log, in its own transaction, in the name of an `actor`.

    Args:
        db: open, and up to date.
        clock: tells the present moment.
        suspend_state_of: why an account may not go on, by its id; without it none is suspended.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock = utc_now,
        suspend_state_of: Callable[[str], Awaitable[str]] | None = None,
    ) -> None:
        self._db = db
        self._clock = clock
        self._suspend_state_of = suspend_state_of
        self.keys = KeyService(db, clock)
        self.audit_log = AuditLog(db)

    async def create_account(
        self,
        account_id: str,
        *,
        display_name: str = "",
        email: str = "",
        actor: Actor = OPERATOR,
    ) -> Account:
        """Make an account, without users.

        Raises:
            InvalidRequest: no account may be called so.
            Conflict: it exists already.
        """
        check_resource_id(account_id, param="accountId")
        now = self._clock()
        async with self._db.write() as conn:
            values = {
                "display_name": display_name,
                "email": email,
                "state": State.READY,
                "create_time": now,
                "update_time": now,
            }
            await store.insert_account(conn, account_id, values)
            account = await _account(conn, account_id)
            payload = {"displayName": display_name, "email": email}
            entry = AuditEntry(
                actor=actor, method="CreateAccount", resource=account.name, payload=payload
            )
            await record(conn, entry, clock=self._clock)
        return account

    async def get_account(self, account_id: str) -> Account:
        """The account; raises `NotFound`."""
        async with self._db.read() as conn:
            account = await _account(conn, account_id)
        return await self._with_state(account)

    async def list_accounts(
        self, query: ListQuery, *, account_id: str | None = None
    ) -> Page[Account]:
        """A page of all accounts, or of the one account that the caller may see."""
        async with self._db.read() as conn:
            page = await store.list_accounts(conn, account_id, query)
        states = {account.name: await self._with_state(account) for account in page.items}
        return page.map(lambda account: states[account.name])

    async def _with_state(self, account: Account) -> Account:
        if self._suspend_state_of is None:
            return account
        state = await self._suspend_state_of(account.name.removeprefix("accounts/"))
        return msgspec.structs.replace(account, suspend_state=state)

    async def create_user(
        self,
        account_id: str,
        spec: UserCreate,
        *,
        user_id: str | None = None,
        actor: Actor = OPERATOR,
        is_retry: bool = False,
    ) -> User:
        """Add a user to an account, under an id made of its email when none is chosen.

        Tried again by a client that missed the first answer, it returns the user that is there.

        Raises:
            InvalidRequest: no user may be called so, or the preset is not one of the role's.
            NotFound: there is no such account.
            Conflict: it has such a user already.
        """
        is_chosen = bool(user_id)
        user_id = check_resource_id(user_id, param="userId") if user_id else id_from(spec.email)
        check_preset(spec.role, spec.permission_preset)
        values = msgspec.structs.asdict(spec)
        if spec.service_account and not spec.email:
            values["email"] = f"{user_id}@{account_id}.sa.fireworks.ai"
        values["state"] = State.READY
        values["create_time"] = values["update_time"] = self._clock()
        async with self._db.write() as conn:
            await _account(conn, account_id)
            there = await store.get_user(conn, account_id, user_id)
            if there is not None and is_retry and is_made_by(there, spec):
                return there
            if there is not None and not is_chosen:
                user_id = new_id("user")  # another one's email begins like this one's
            await store.insert_user(conn, account_id, user_id, values)
            user = await _user(conn, account_id, user_id)
            entry = AuditEntry(actor=actor, method="CreateUser", resource=user.name, payload=spec)
            await record(conn, entry, clock=self._clock)
        return user

    async def get_user(self, account_id: str, user_id: str) -> User:
        """The user; raises `NotFound`."""
        async with self._db.read() as conn:
            return await _user(conn, account_id, user_id)

    async def list_users(self, account_id: str, query: ListQuery) -> Page[User]:
        """A page of an account's users."""
        async with self._db.read() as conn:
            return await store.list_users(conn, account_id, query)

    async def update_user(
        self,
        account_id: str,
        user_id: str,
        change: UserUpdate,
        *,
        actor: Actor = OPERATOR,
        by: Caller | None = None,
    ) -> User:
        """Change what is set; a changed role counts from the user's next request.

        Args:
            account_id: whose user it is.
            user_id: which one.
            change: what the client sent.
            actor: in whose name it is recorded.
            by: who asks; only admins change roles. None: the operator.

        Raises:
            NotFound: there is no such user.
            InvalidRequest: a field cannot be changed so.
            PermissionDenied: a role would change, and the caller is no admin.
            Conflict: the user has changed since, or the account would be left without an admin.
        """
        async with self._db.write() as conn:
            admins = await store.lock_admins(conn, account_id)
            before = await _user(conn, account_id, user_id)
            check_etag(change.etag, before.etag)
            values = changed_columns(before, change, by)
            if "role" in values:
                if values["role"] != Role.ADMIN:
                    _check_not_last(admins, user_id)
                await bump(conn, KEYS_VERSION)
            await store.update_user(
                conn, account_id, user_id, values | {"update_time": self._clock()}
            )
            user = await _user(conn, account_id, user_id)
            payload = {to_camel(name): value for name, value in values.items()}
            entry = AuditEntry(
                actor=actor, method="UpdateUser", resource=user.name, payload=payload
            )
            await record(conn, entry, clock=self._clock)
        return user

    async def delete_user(
        self, account_id: str, user_id: str, *, actor: Actor = OPERATOR, etag: str = ""
    ) -> None:
        """Remove a user and end its keys; what it made stays the account's.

        Raises:
            NotFound: there is no such user.
            Conflict: the user has changed since `etag`, or is the account's last admin.
        """
        async with self._db.write() as conn:
            admins = await store.lock_admins(conn, account_id)
            user = await _user(conn, account_id, user_id)
            check_etag(etag, user.etag)
            _check_not_last(admins, user_id)
            await store.delete_user(conn, account_id, user_id)
            await bump(conn, KEYS_VERSION)
            entry = AuditEntry(actor=actor, method="DeleteUser", resource=user.name)
            await record(conn, entry, clock=self._clock)


def _check_not_last(admins: set[str], user_id: str) -> None:
    if admins == {user_id}:
        raise Conflict(f"{user_id!r} is the last admin of the account: make another one first.")


async def _account(conn: Connection, account_id: str) -> Account:
    account = await store.get_account(conn, account_id)
    if account is None:
        raise NotFound(f"There is no account {account_id!r}.")
    return account


async def _user(conn: Connection, account_id: str, user_id: str) -> User:
    user = await store.get_user(conn, account_id, user_id)
    if user is None:
        raise NotFound(f"There is no user {user_id!r} in the account {account_id!r}.")
    return user
