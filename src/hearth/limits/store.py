"""The tables of limits: what is set, and what each gateway holds of it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Table

from hearth.kit.columns import TEXT
from hearth.kit.db import metadata

QUOTAS = "quotas"
"The version that moves when a limit is set, changed or removed."

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
    Column("recalled", Boolean, nullable=False),
    Index("ix_leases_hold_id", "hold_id"),
)

rate_levels = Table(  # token buckets: what is left of a rate, and when that was so
    "rate_levels",
    metadata,
    Column("uid", TEXT, primary_key=True),
    Column("level", Float, nullable=False),
    Column("time_ns", BigInteger, nullable=False),
)
