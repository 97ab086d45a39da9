"""Durable jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hearth.kit.columns import TEXT, JsonValue, UtcTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("resource", TEXT, nullable=False),
        sa.Column("arguments", JsonValue, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("percent", sa.BigInteger, nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("result", JsonValue, nullable=True),
        sa.Column("error", TEXT, nullable=False),
        sa.Column("is_cancelling", sa.Boolean, nullable=False),
        sa.Column("create_time", UtcTime, nullable=False),
        sa.Column("start_time", UtcTime, nullable=True),
        sa.Column("end_time", UtcTime, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_state", "jobs", ["state"])
    op.create_index("ix_jobs_account_id_resource", "jobs", ["account_id", "resource"])


def downgrade() -> None:
    op.drop_table("jobs")
