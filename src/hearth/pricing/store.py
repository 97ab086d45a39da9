"""The price books that operators added; the shipped one is data beside the code."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table

from hearth.kit.columns import TEXT
from hearth.kit.db import metadata

price_books = Table(
    "price_books",
    metadata,
    Column("version", TEXT, primary_key=True),
    Column("account_id", TEXT, nullable=False),  # empty: for every account without its own
    Column("effective_time_ns", BigInteger, nullable=False),
    Column("create_time_ns", BigInteger, nullable=False),
    Column("body", TEXT, nullable=False),  # the book as JSON
    Index("ix_price_books_account_id_effective_time_ns", "account_id", "effective_time_ns"),
)
