"""The tables of limits: what is set, and what each gateway holds of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Table, delete, select, text
from sqlalchemy.exc import SQLAlchemyError

from hearth.errors import Unavailable
from hearth.kit.columns import TEXT
from hearth.kit.db import Connection, metadata
from hearth.limits.types import Quota

QUOTAS = "quotas"
"The version that moves when a limit is set, changed or removed, or an account is suspended."

quotas = Table(
    "quotas",
    metadata,
    Column("subject", TEXT, primary_key=True),
    Column("quota_id", TEXT, primary_key=True),
    Column("uid", TEXT, nullable=False, unique=True),
    Column("account_id", TEXT, nullable=False),
    Column("value", BigInteger, nullable=False),
    Column("soft_value", BigInteger, nullable=True),
    Column("update_time_ns", BigInteger, nullable=False),
    Index("ix_quotas_account_id", "account_id"),
)

holders = Table(  # the gateways that hold leases; what one holds ends with its row
    "holders",
    metadata,
    Column("instance", TEXT, primary_key=True),
    Column("expire_time_ns", BigInteger, nullable=False),
)

leases = Table(  # the part of a limit that a gateway may give out by itself
    "leases",
    metadata,
    Column("instance", TEXT, primary_key=True),
    Column("hold_id", TEXT, primary_key=True),
    Column("amount", BigInteger, nullable=False),
    Column("recalled", Boolean, nullable=False),  # somebody is short: keep only what is in use
    Column("wanted", Boolean, nullable=False),  # the owner is short: nobody takes more than needed
    Index("ix_leases_hold_id", "hold_id"),
)

rate_levels = Table(  # token buckets: what is left of a rate, and when that was so
    "rate_levels",
    metadata,
    Column("uid", TEXT, primary_key=True),
    Column("level", Float, nullable=False),
    Column("time_ns", BigInteger, nullable=False),
)


class Figures(NamedTuple):
    """What the database says of one limit in one window, all of it at one moment."""

    spent: int
    others: int
    "What the other gateways hold."
    num_recalled: int
    "How many of them have not answered a recall yet."
    num_wanting: int
    "How many of them wait for more than there is."


class LeaseRow(NamedTuple):
    """What this process writes about one of its leases."""

    hold_id: str
    amount: int
    is_wanted: bool
    is_answer: bool
    "Whether the amount is only what is in use, which is what a recall asks for."


@asynccontextmanager
async def retryable(
    transaction: AbstractAsyncContextManager[Connection],
) -> AsyncIterator[Connection]:
    """A transaction whose failures, on whichever statement, say that trying again may help.

    Raises:
        Unavailable: the database cannot be reached, or broke off.
    """
    try:
        async with transaction as conn:
            yield conn
    except SQLAlchemyError as error:
        reason = str(error).splitlines()[0]  # the rest is the statement and its values
        raise Unavailable(
            f"The limits of this key cannot be checked: {reason}.", retry_after_s=1
        ) from error


async def lock_quotas(conn: Connection, uids: Collection[str]) -> dict[str, int]:
    """The values of limits that exist; until the transaction ends nobody else takes of them.

    They are locked in one order, so that two gateways never wait for each other.
    """
    query = select(quotas.c.uid, quotas.c.value).where(quotas.c.uid.in_(uids))
    rows = await conn.execute(query.order_by(quotas.c.uid).with_for_update())
    return {row.uid: row.value for row in rows}


# One statement, because on PostgreSQL each one sees a later state: what leaves a lease enters the
# ledger's sum in one transaction, and must not be missed or seen twice.
_FIGURES = text(
    """
    SELECT (SELECT COALESCE(SUM(d.cost_nano), 0) FROM spend_days d
        WHERE d.subject = :subject AND d.day >= :first_day AND d.day < :end_day),
      COALESCE(SUM(l.amount), 0),
      COALESCE(SUM(CASE WHEN l.recalled THEN 1 ELSE 0 END), 0),
      COALESCE(SUM(CASE WHEN l.wanted THEN 1 ELSE 0 END), 0)
    FROM leases l WHERE l.hold_id = :hold_id AND l.instance <> :instance
    """
)


async def figures(
    conn: Connection, instance: str, hold_id: str, *, subject: str, days: range
) -> Figures:
    """See `Figures`; lock the limit first."""
    values = {"instance": instance, "hold_id": hold_id, "subject": subject}
    found = await conn.execute(_FIGURES, values | {"first_day": days.start, "end_day": days.stop})
    return Figures(*map(int, found.one()))


_WRITE = text(
    """
    INSERT INTO leases (instance, hold_id, amount, recalled, wanted)
    VALUES (:instance, :hold_id, :amount, false, :wanted)
    ON CONFLICT (instance, hold_id) DO UPDATE SET
      amount = excluded.amount, wanted = excluded.wanted,
      recalled = leases.recalled AND NOT :is_answer
    """
)
_FORGET = text("DELETE FROM leases WHERE instance = :instance AND hold_id = :hold_id")
_SHRINK = text(
    "UPDATE leases SET amount = :amount WHERE instance = :instance AND hold_id = :hold_id"
)
_RECALL = text(
    "UPDATE leases SET recalled = true "
    "WHERE hold_id = :hold_id AND instance <> :instance AND NOT recalled"
)
_RECALL_ALL = text("UPDATE leases SET recalled = true WHERE hold_id LIKE :prefix AND NOT recalled")


async def write_leases(conn: Connection, instance: str, rows: Sequence[LeaseRow]) -> None:
    """Write this process's leases, absolutely; one of nothing goes."""
    for row in sorted(rows):  # in one order, as `recall` does
        values: dict[str, str | int] = {"instance": instance, "hold_id": row.hold_id}
        if row.amount == 0 and not row.is_wanted:
            await conn.execute(_FORGET, values)
        else:
            values |= {"amount": row.amount, "wanted": row.is_wanted, "is_answer": row.is_answer}
            await conn.execute(_WRITE, values)


async def shrink_leases(conn: Connection, instance: str, amounts: Mapping[str, int]) -> None:
    """Write the amounts of leases that are there; marks on them stay."""
    for hold_id, amount in sorted(amounts.items()):
        values = {"instance": instance, "hold_id": hold_id, "amount": amount}
        await conn.execute(_SHRINK, values)


async def recall(conn: Connection, instance: str, hold_ids: Collection[str]) -> None:
    """Ask the other gateways to keep only what is in use."""
    for hold_id in sorted(hold_ids):
        await conn.execute(_RECALL, {"instance": instance, "hold_id": hold_id})


async def recall_all(conn: Connection, uid: str) -> None:
    """Ask every gateway to keep only what is in use of a limit, in all its windows."""
    await conn.execute(_RECALL_ALL, {"prefix": f"{uid}:%"})


async def recalled(conn: Connection, instance: str) -> list[str]:
    """The leases of this process that are recalled."""
    mine = select(leases.c.hold_id).where(leases.c.instance == instance, leases.c.recalled)
    return list((await conn.execute(mine)).scalars())


_RENEW = text(
    "UPDATE holders SET expire_time_ns = CASE WHEN expire_time_ns < :expire_time_ns "
    "THEN :expire_time_ns ELSE expire_time_ns + 1 END WHERE instance = :instance"
)
_ENTER = text("INSERT INTO holders (instance, expire_time_ns) VALUES (:instance, :expire_time_ns)")


async def renew(conn: Connection, instance: str, expire_time_ns: int) -> bool:
    """Say that this process lives, before it writes leases; False if it was not known as holder.

    The row changes each time, also when the clock has jumped back.
    """
    values = {"instance": instance, "expire_time_ns": expire_time_ns}
    if (await conn.execute(_RENEW, values)).rowcount:
        return True
    await conn.execute(_ENTER, values)
    return False


async def release(conn: Connection, instance: str) -> None:
    """Give up all that a gateway holds; only for one that holds nothing, or is dead.

    Its own row goes first: a commit of its last moment is waited for, and seen.
    """
    await conn.execute(delete(holders).where(holders.c.instance == instance))
    await conn.execute(delete(leases).where(leases.c.instance == instance))


_EXPIRE = text(
    "DELETE FROM holders WHERE instance = :instance AND expire_time_ns = :expire_time_ns"
)


async def expire(conn: Connection, instance: str, expire_time_ns: int) -> bool:
    """Give up all that a gateway holds, unless it has said meanwhile that it lives."""
    values = {"instance": instance, "expire_time_ns": expire_time_ns}
    if is_silent := bool((await conn.execute(_EXPIRE, values)).rowcount):
        await release(conn, instance)
    return is_silent


async def list_holders(conn: Connection) -> dict[str, int]:
    """When each holder last said that it lives, as its row has it."""
    rows = await conn.execute(select(holders.c.instance, holders.c.expire_time_ns))
    return {row.instance: row.expire_time_ns for row in rows}


_WRITE_LEVEL = text(
    """
    INSERT INTO rate_levels (uid, level, time_ns) VALUES (:uid, :level, :time_ns)
    ON CONFLICT (uid) DO UPDATE SET level = excluded.level, time_ns = excluded.time_ns
    """
)


async def read_levels(conn: Connection, uids: Collection[str]) -> dict[str, tuple[float, int]]:
    """The buckets that were ever used: what was in each, and when; lock the limits first."""
    rows = await conn.execute(select(rate_levels).where(rate_levels.c.uid.in_(uids)))
    return {row.uid: (row.level, row.time_ns) for row in rows}


async def write_levels(conn: Connection, levels: Mapping[str, float], time_ns: int) -> None:
    """Write what is in buckets at a time."""
    for uid, level in sorted(levels.items()):
        await conn.execute(_WRITE_LEVEL, {"uid": uid, "level": level, "time_ns": time_ns})


_SUSPENDED = text(
    "SELECT account_id, suspend_state FROM billing_accounts WHERE suspend_state <> 'UNSUSPENDED'"
)


async def suspensions(conn: Connection) -> dict[str, str]:
    """The accounts that an operator has stopped, and why."""
    return {row.account_id: row.suspend_state for row in await conn.execute(_SUSPENDED)}


_PUT = text(
    """
    INSERT INTO quotas (subject, quota_id, uid, account_id, value, soft_value, update_time_ns)
    VALUES (:subject, :quota_id, :uid, :account_id, :value, :soft_value, :update_time_ns)
    ON CONFLICT (subject, quota_id) DO UPDATE SET value = excluded.value,
      soft_value = excluded.soft_value, update_time_ns = excluded.update_time_ns
    """
)


async def put_quota(conn: Connection, quota: Quota, time_ns: int) -> None:
    """Set a limit; one that is there keeps its uid."""
    await conn.execute(_PUT, {**msgspec.structs.asdict(quota), "update_time_ns": time_ns})


async def remove_quota(conn: Connection, subject: str, quota_id: str) -> bool:
    """Remove a limit; False if there was none. Gateways give up their leases by themselves."""
    statement = delete(quotas).where(quotas.c.subject == subject, quotas.c.quota_id == quota_id)
    return bool((await conn.execute(statement)).rowcount)


async def is_recalled(conn: Connection, uid: str) -> bool:
    """Whether a gateway has not answered yet that was asked to give back."""
    query = select(leases.c.instance).where(leases.c.hold_id.like(f"{uid}:%"), leases.c.recalled)
    return (await conn.execute(query.limit(1))).first() is not None


async def list_quotas(conn: Connection, **only: str) -> list[Quota]:
    """The limits that are set, by subject and id; `only` those with these columns' values."""
    columns = [quotas.c[name] for name in Quota.__struct_fields__]
    query = select(*columns).where(*(quotas.c[name] == value for name, value in only.items()))
    rows = await conn.execute(query.order_by(quotas.c.subject, quotas.c.quota_id))
    return [msgspec.convert(row, Quota, from_attributes=True) for row in rows]
