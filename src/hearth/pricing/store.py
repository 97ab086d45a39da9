"""The price books that operators added; the shipped one is data beside the code."""

from __future__ import annotations

import msgspec
from sqlalchemy import BigInteger, Column, Index, Table, insert, select
from sqlalchemy.exc import IntegrityError

from hearth.errors import Conflict
from hearth.kit.columns import TEXT
from hearth.kit.db import Connection, metadata
from hearth.pricing.types import AddedBook, PriceBook

price_books = Table(  # append-only: what was priced by a book must stay explicable by it
    "price_books",
    metadata,
    Column("version", TEXT, primary_key=True),
    Column("account_id", TEXT, nullable=False),  # empty: for every account without its own
    Column("effective_time_ns", BigInteger, nullable=False),
    Column("create_time_ns", BigInteger, nullable=False),
    Column("body", TEXT, nullable=False),  # the book as JSON
    Index(
        "ix_price_books_account_id_effective_time_ns",
        "account_id",
        "effective_time_ns",
        unique=True,
    ),
)

_decode = msgspec.json.Decoder(PriceBook).decode


async def insert_book(conn: Connection, added: AddedBook) -> None:
    """Keep a book.

    Raises:
        Conflict: its version is taken, or its account has another from the same moment on.
    """
    row = {
        "version": added.book.version,
        "account_id": added.account_id,
        "effective_time_ns": added.effective_time_ns,
        "create_time_ns": added.create_time_ns,
        "body": msgspec.json.encode(added.book).decode(),
    }
    try:
        await conn.execute(insert(price_books).values(row))
    except IntegrityError as error:
        raise Conflict("A book of this version or effective time exists already.") from error


async def read_books(conn: Connection) -> list[AddedBook]:
    """Every book that was added, in the order in which they take effect."""
    rows = await conn.execute(
        select(price_books).order_by(price_books.c.effective_time_ns, price_books.c.version)
    )
    return [
        AddedBook(
            account_id=row.account_id,
            effective_time_ns=row.effective_time_ns,
            create_time_ns=row.create_time_ns,
            book=_decode(row.body),
        )
        for row in rows
    ]
