"""The tables of accounts, users and keys; every statement names the account it may see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Row,
    Table,
    delete,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from hearth.accounts.roles import Role
from hearth.accounts.types import Account, ApiKey, Caller, State, User, keep_s_of
from hearth.errors import Conflict
from hearth.kit.columns import TEXT, JsonValue, UtcTime
from hearth.kit.db import Connection, metadata
from hearth.kit.etags import etag_of
from hearth.kit.fields import Fields
from hearth.kit.pages import ListQuery, Page, fetch_page

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", TEXT, primary_key=True),
    Column("display_name", TEXT, nullable=False),
    Column("email", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("update_time", UtcTime, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("account_id", TEXT, primary_key=True),
    Column("user_id", TEXT, primary_key=True),
    Column("display_name", TEXT, nullable=False),
    Column("email", TEXT, nullable=False),
    Column("role", TEXT, nullable=False),
    Column("service_account", Boolean, nullable=False),
    Column("permission_preset", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("update_time", UtcTime, nullable=False),
    ForeignKeyConstraint(["account_id"], ["accounts.account_id"]),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", TEXT, primary_key=True),
    Column("account_id", TEXT, nullable=False),
    Column("user_id", TEXT, nullable=False),
    Column("display_name", TEXT, nullable=False),
    Column("digest", TEXT, nullable=False, unique=True),
    Column("prefix", TEXT, nullable=False),
    Column("annotations", JsonValue, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("expire_time", UtcTime, nullable=True),
    Column("disabled", Boolean, nullable=False),
    ForeignKeyConstraint(["account_id", "user_id"], ["users.account_id", "users.user_id"]),
    Index(None, "account_id", "user_id"),
)

_ACCOUNT_FIELDS: Fields = {
    "name": literal("accounts/", TEXT) + accounts.c.account_id,
    "display_name": accounts.c.display_name,
    "email": accounts.c.email,
    "state": accounts.c.state,
    "create_time": accounts.c.create_time,
    "update_time": accounts.c.update_time,
}
_USER_FIELDS: Fields = {
    "name": literal("accounts/", TEXT) + users.c.account_id + "/users/" + users.c.user_id,
    "display_name": users.c.display_name,
    "email": users.c.email,
    "role": users.c.role,
    "service_account": users.c.service_account,
    "state": users.c.state,
    "create_time": users.c.create_time,
    "update_time": users.c.update_time,
}
_KEY_FIELDS: Fields = {
    "name": literal("accounts/", TEXT)
    + api_keys.c.account_id
    + "/users/"
    + api_keys.c.user_id
    + "/apiKeys/"
    + api_keys.c.key_id,
    "key_id": api_keys.c.key_id,
    "display_name": api_keys.c.display_name,
    "prefix": api_keys.c.prefix,
    "create_time": api_keys.c.create_time,
    "expire_time": api_keys.c.expire_time,
    "disabled": api_keys.c.disabled,
}
_KEYS = select(api_keys, users.c.email, users.c.role, users.c.permission_preset).join(users)

AnyRow = Row[*tuple[Any, ...]]  # Any: the columns of a row have many types
Values = Mapping[str, object]


async def insert_account(conn: Connection, account_id: str, values: Values) -> None:
    """Add an account; raises `Conflict` when it exists."""
    try:
        await conn.execute(insert(accounts).values(account_id=account_id, **values))
    except IntegrityError as error:
        raise Conflict(f"The account {account_id!r} exists already.") from error


async def get_account(conn: Connection, account_id: str) -> Account | None:
    """The account, if there is one."""
    query = select(accounts).where(accounts.c.account_id == account_id)
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else _account(row)


async def list_accounts(
    conn: Connection, account_id: str | None, query: ListQuery
) -> Page[Account]:
    """A page of all accounts, or of the one that is named."""
    rows = select(accounts)
    if account_id is not None:
        rows = rows.where(accounts.c.account_id == account_id)
    page = await fetch_page(conn, rows, _ACCOUNT_FIELDS, ["name"], query)
    return page.map(_account)


async def insert_user(conn: Connection, account_id: str, user_id: str, values: Values) -> None:
    """Add a user to an account that exists; raises `Conflict` when the user exists too."""
    row = {"account_id": account_id, "user_id": user_id, **values}
    try:
        await conn.execute(insert(users).values(**row))
    except IntegrityError as error:
        raise Conflict(f"The user {user_id!r} exists already.") from error


async def get_user(conn: Connection, account_id: str, user_id: str) -> User | None:
    """The user of that account, if there is one."""
    row = (await conn.execute(select(users).where(*_is_user(account_id, user_id)))).one_or_none()
    return None if row is None else _user(row)


async def list_users(conn: Connection, account_id: str, query: ListQuery) -> Page[User]:
    """A page of an account's users."""
    rows = select(users).where(users.c.account_id == account_id)
    return (await fetch_page(conn, rows, _USER_FIELDS, ["name"], query)).map(_user)


async def update_user(conn: Connection, account_id: str, user_id: str, values: Values) -> None:
    """Change columns of a user."""
    await conn.execute(update(users).where(*_is_user(account_id, user_id)).values(**values))


async def delete_user(conn: Connection, account_id: str, user_id: str) -> None:
    """Forget a user and every key of it."""
    is_theirs = (api_keys.c.account_id == account_id, api_keys.c.user_id == user_id)
    await conn.execute(delete(api_keys).where(*is_theirs))
    await conn.execute(delete(users).where(*_is_user(account_id, user_id)))


async def lock_admins(conn: Connection, account_id: str) -> set[str]:
    """The ids of an account's admins, who stay so until the transaction ends."""
    query = select(users.c.user_id).where(
        users.c.account_id == account_id, users.c.role == Role.ADMIN
    )
    return set((await conn.execute(query.order_by(users.c.user_id).with_for_update())).scalars())


async def insert_key(conn: Connection, values: Values) -> None:
    """Add a key to a user that exists."""
    await conn.execute(insert(api_keys).values(**values))


async def get_key(conn: Connection, account_id: str, user_id: str, key_id: str) -> ApiKey | None:
    """The user's key, if there is one."""
    query = _KEYS.where(*_is_key(account_id, user_id, key_id))
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else _key(row)


async def find_key(conn: Connection, account_id: str, key_id: str) -> str | None:
    """Whose key this is in an account: the id of its user."""
    query = select(api_keys.c.user_id).where(
        api_keys.c.account_id == account_id, api_keys.c.key_id == key_id
    )
    user_id: str | None = (await conn.execute(query)).scalar_one_or_none()
    return user_id


async def list_keys(
    conn: Connection, account_id: str, user_id: str | None, query: ListQuery
) -> Page[ApiKey]:
    """A page of a user's keys, or of all in the account."""
    rows = _KEYS.where(api_keys.c.account_id == account_id)
    if user_id is not None:
        rows = rows.where(api_keys.c.user_id == user_id)
    return (await fetch_page(conn, rows, _KEY_FIELDS, ["key_id"], query)).map(_key)


async def disable_key(conn: Connection, account_id: str, user_id: str, key_id: str) -> bool:
    """Let a key open nothing any more; False when there is none."""
    where = _is_key(account_id, user_id, key_id)
    return (await conn.execute(update(api_keys).where(*where).values(disabled=True))).rowcount > 0


async def delete_key(conn: Connection, account_id: str, user_id: str, key_id: str) -> bool:
    """Forget a key; False when there is none."""
    where = _is_key(account_id, user_id, key_id)
    return (await conn.execute(delete(api_keys).where(*where))).rowcount > 0


async def usable_keys(
    conn: Connection, *, digest: str | None = None
) -> list[tuple[str, Caller, float | None]]:
    """Of each key that is not disabled: its digest, its caller, its end in Unix time."""
    query = _KEYS.where(api_keys.c.disabled.is_(False))
    if digest is not None:
        query = query.where(api_keys.c.digest == digest)
    rows = await conn.execute(query)
    return [
        (
            row.digest,
            Caller(
                account_id=row.account_id,
                user_id=row.user_id,
                key_id=row.key_id,
                role=Role(row.role),
                permission_preset=row.permission_preset,
                keep_s=keep_s_of(row.annotations),
            ),
            row.expire_time.timestamp() if row.expire_time else None,
        )
        for row in rows
    ]


# Any: conditions on columns of several types.
def _is_user(account_id: str, user_id: str) -> tuple[Any, Any]:
    return users.c.account_id == account_id, users.c.user_id == user_id


def _is_key(account_id: str, user_id: str, key_id: str) -> tuple[Any, Any, Any]:
    return (
        api_keys.c.account_id == account_id,
        api_keys.c.user_id == user_id,
        api_keys.c.key_id == key_id,
    )


def _account(row: AnyRow) -> Account:
    return Account(
        name=f"accounts/{row.account_id}",
        display_name=row.display_name,
        email=row.email,
        state=State(row.state),
        create_time=row.create_time,
        update_time=row.update_time,
    )


def _user(row: AnyRow) -> User:
    return User(
        name=f"accounts/{row.account_id}/users/{row.user_id}",
        display_name=row.display_name,
        email=row.email,
        role=Role(row.role),
        service_account=row.service_account,
        permission_preset=row.permission_preset,
        state=State(row.state),
        create_time=row.create_time,
        update_time=row.update_time,
        etag=etag_of([row.display_name, row.email, row.role, row.permission_preset]),
    )


def _key(row: AnyRow) -> ApiKey:
    return ApiKey(
        name=f"accounts/{row.account_id}/users/{row.user_id}/apiKeys/{row.key_id}",
        key_id=row.key_id,
        display_name=row.display_name,
        email=row.email,
        prefix=row.prefix,
        secure=True,  # only a digest is kept
        create_time=row.create_time,
        expire_time=row.expire_time,
        annotations=row.annotations,
        disabled=row.disabled,
    )
