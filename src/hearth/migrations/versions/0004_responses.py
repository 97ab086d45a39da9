"""Responses that are kept for the conversations that go on from them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hearth.kit.columns import TEXT, UtcTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "responses",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("create_time", UtcTime, nullable=False),
        sa.Column("expire_time", UtcTime, nullable=False),
        sa.Column("previous_id", TEXT, nullable=True),
        sa.Column("input", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_responses"),
    )
    op.create_index(
        "ix_responses_account_id_create_time_id",
        "responses",
        ["account_id", "create_time", "id"],
    )
    op.create_index("ix_responses_expire_time", "responses", ["expire_time"])


def downgrade() -> None:
    op.drop_table("responses")
