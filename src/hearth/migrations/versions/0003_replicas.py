"""Replicas, and the models that gateways ask for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hearth.kit.columns import TEXT, UtcTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "replicas",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("model", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("engine", TEXT, nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_replicas"),
    )
    op.create_table(
        "model_requests",
        sa.Column("model", TEXT, nullable=False),
        sa.Column("request_time", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("model", name="pk_model_requests"),
    )


def downgrade() -> None:
    op.drop_table("model_requests")
    op.drop_table("replicas")
