"""The usage ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hearth.kit.columns import TEXT

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "usage_events",
        sa.Column("request_id", TEXT, nullable=False),
        sa.Column("gateway", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("model", TEXT, nullable=False),
        sa.Column("served_by", TEXT, nullable=False),
        sa.Column("replica_id", TEXT, nullable=False),
        sa.Column("route", TEXT, nullable=False),
        sa.Column("max_tokens", sa.BigInteger, nullable=True),
        sa.Column("begin_time_ns", sa.BigInteger, nullable=False),
        sa.Column("settle_time_ns", sa.BigInteger, nullable=False),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("http_status", sa.Integer, nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_tokens", sa.BigInteger, nullable=False),
        sa.Column("completion_tokens", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("request_id", name="pk_usage_events"),
    )
    op.create_index(
        "ix_usage_events_account_id_begin_time_ns", "usage_events", ["account_id", "begin_time_ns"]
    )


def downgrade() -> None:
    op.drop_table("usage_events")
