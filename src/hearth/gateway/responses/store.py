"""The responses table: answers that are kept, and the items that led to them.

Bodies are kept as the JSON text they were sent as: PostgreSQL's own JSON refuses the character
U+0000, which a model may write.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import Column, Index, Table, and_, delete, insert, or_, select
from sqlalchemy.exc import SQLAlchemyError

from hearth.errors import Unavailable
from hearth.kit.async_engine import AsyncConnection
from hearth.kit.columns import TEXT, UtcTime
from hearth.kit.db import Database, metadata

MAX_TURNS = 1000  # of a conversation; each costs a step when it is read

responses = Table(
    "responses",
    metadata,
    Column("account_id", TEXT, primary_key=True),
    Column("id", TEXT, primary_key=True),
    Column("create_time", UtcTime, nullable=False),
    Column("expire_time", UtcTime, nullable=False),
    Column("previous_id", TEXT, nullable=True),
    Column("input", TEXT, nullable=False),
    Column("body", TEXT, nullable=False),
    Index("ix_responses_account_id_create_time_id", "account_id", "create_time", "id"),
    Index("ix_responses_expire_time", "expire_time"),
)


class StoredResponse(Struct, frozen=True, kw_only=True):
    """One answer, with what was new in its request."""

    account_id: str
    id: str
    create_time: datetime
    expire_time: datetime
    previous_id: str | None
    input: str
    "The items of the request, as a JSON list."
    body: str
    "The response object, as JSON."


async def keep_response(db: Database, response: StoredResponse) -> None:
    """Keep a response, and let go of all whose time is over.

    Raises:
        Unavailable: the database cannot be reached, or does not take it.
    """
    is_over = responses.c.expire_time <= response.create_time
    try:
        async with db.write() as conn:
            await conn.execute(delete(responses).where(is_over))
            await conn.execute(insert(responses).values(asdict(response)))
    except SQLAlchemyError as error:
        reason = str(error).splitlines()[0]  # the rest is the statement and its values
        raise Unavailable(f"The database did not take it: {reason}.") from error


async def find_response(
    conn: AsyncConnection, account_id: str, response_id: str, *, now: datetime
) -> StoredResponse | None:
    """Return a response, if the account has it and its time is not over."""
    found = select(responses).where(
        responses.c.account_id == account_id,
        responses.c.id == response_id,
        responses.c.expire_time > now,
    )
    row = (await conn.execute(found)).mappings().first()
    return None if row is None else StoredResponse(**row)


async def list_turns(
    conn: AsyncConnection, account_id: str, response_id: str, *, now: datetime
) -> list[StoredResponse]:
    """Return a response and those it continues, oldest first, as far back as they are kept."""
    turns: list[StoredResponse] = []
    next_id: str | None = response_id
    while next_id is not None and len(turns) < MAX_TURNS:
        turn = await find_response(conn, account_id, next_id, now=now)
        if turn is None:
            break
        turns.append(turn)
        next_id = turn.previous_id
    return turns[::-1]


async def list_responses(
    conn: AsyncConnection,
    account_id: str,
    *,
    cursor: tuple[Literal["after", "before"], StoredResponse] | None,
    limit: int,
    now: datetime,
) -> list[StoredResponse]:
    """Return up to `limit` responses next to a cursor, newest first."""
    time, id_ = responses.c.create_time, responses.c.id
    wanted = select(responses).where(
        responses.c.account_id == account_id, responses.c.expire_time > now
    )
    is_backward = False
    if cursor is not None:
        side, at = cursor
        is_backward = side == "before"
        if is_backward:
            wanted = wanted.where(
                or_(time > at.create_time, and_(time == at.create_time, id_ > at.id))
            )
        else:
            wanted = wanted.where(
                or_(time < at.create_time, and_(time == at.create_time, id_ < at.id))
            )
    order = (time.asc(), id_.asc()) if is_backward else (time.desc(), id_.desc())
    rows = (await conn.execute(wanted.order_by(*order).limit(limit))).mappings().all()
    found = [StoredResponse(**row) for row in rows]
    return found[::-1] if is_backward else found


async def delete_response(
    conn: AsyncConnection, account_id: str, response_id: str, *, now: datetime
) -> bool:
    """Delete a response; return whether the account had it."""
    gone = await conn.execute(
        delete(responses).where(
            responses.c.account_id == account_id,
            responses.c.id == response_id,
            responses.c.expire_time > now,
        )
    )
    return gone.rowcount > 0
