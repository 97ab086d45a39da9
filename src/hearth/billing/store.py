"""The tables of billing: everything that moves money beside usage."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, Table

from hearth.kit.columns import TEXT
from hearth.kit.db import metadata

billing_accounts = Table(
    "billing_accounts",
    metadata,
    Column("account_id", TEXT, primary_key=True),
    Column("mode", TEXT, nullable=False),  # postpaid or prepaid
    Column("suspend_state", TEXT, nullable=False),  # what an operator set; limits are derived
)

credit_entries = Table(  # append-only
    "credit_entries",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("account_id", TEXT, nullable=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("kind", TEXT, nullable=False),  # credit, adjustment, redemption, opening
    Column("amount_nano", BigInteger, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("principal", TEXT, nullable=False),
    Index("ix_credit_entries_account_id_time_ns", "account_id", "time_ns"),
)

credit_codes = Table(
    "credit_codes",
    metadata,
    Column("digest", TEXT, primary_key=True),
    Column("amount_nano", BigInteger, nullable=False),
    Column("max_redemptions", BigInteger, nullable=False),
    Column("create_time_ns", BigInteger, nullable=False),
    Column("expire_time_ns", BigInteger, nullable=True),
)

credit_redemptions = Table(
    "credit_redemptions",
    metadata,
    Column("account_id", TEXT, primary_key=True),
    Column("digest", TEXT, primary_key=True),
    Column("time_ns", BigInteger, nullable=False),
    ForeignKeyConstraint(["digest"], ["credit_codes.digest"]),
)

invoices = Table(  # those that were issued; a draft is computed whenever somebody looks
    "invoices",
    metadata,
    Column("account_id", TEXT, primary_key=True),
    Column("month", TEXT, primary_key=True),
    Column("issue_time_ns", BigInteger, nullable=False),
    Column("total_nano", BigInteger, nullable=False),
    Column("sha256", TEXT, nullable=False),
)
