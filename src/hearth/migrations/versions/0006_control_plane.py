"""Resources as documents, deployments' replicas, and who leads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hearth.kit.columns import TEXT, JsonValue, UtcTime

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    _create_resources()
    op.create_table(
        "leadership",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("holder", TEXT, nullable=False),
        sa.Column("time", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leadership"),
    )
    _create_replicas()


def _create_resources() -> None:
    op.create_table(
        "resources",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("parent", TEXT, nullable=False),
        sa.Column("collection", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("body", JsonValue, nullable=False),
        sa.Column("internal", JsonValue, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("create_digest", TEXT, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("create_time", UtcTime, nullable=False),
        sa.Column("update_time", UtcTime, nullable=False),
        sa.Column("delete_time", UtcTime, nullable=True),
        sa.Column("purge_time", UtcTime, nullable=True),
        sa.Column("expire_time", UtcTime, nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_resources"),
    )
    op.create_index("ix_resources_parent_collection", "resources", ["parent", "collection"])
    op.create_index("ix_resources_collection_state", "resources", ["collection", "state"])
    op.create_table(
        "create_requests",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("request_key", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("create_time", UtcTime, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "request_key", name="pk_create_requests"),
    )


def _create_replicas() -> None:
    # Replicas die with their controller; none is worth carrying over.
    op.drop_table("replicas")
    op.create_table(
        "replicas",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("pool", TEXT, nullable=False),
        sa.Column("model", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("engine", TEXT, nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("region", TEXT, nullable=False),
        sa.Column("accelerator_type", TEXT, nullable=False),
        sa.Column("accelerator_count", sa.BigInteger, nullable=False),
        sa.Column("taken", sa.BigInteger, nullable=False),
        sa.Column("is_emulated", sa.Boolean, nullable=False),
        sa.Column("held_time_ns", sa.BigInteger, nullable=False),
        sa.Column("billed_time_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_replicas"),
    )
    op.create_index("ix_replicas_pool", "replicas", ["pool"])
    op.create_table(
        "deployment_samples",
        sa.Column("deployment", TEXT, nullable=False),
        sa.Column("time_ns", sa.BigInteger, nullable=False),
        sa.Column("values", JsonValue, nullable=False),
        sa.PrimaryKeyConstraint("deployment", "time_ns", name="pk_deployment_samples"),
    )


def downgrade() -> None:
    for table in ("deployment_samples", "replicas", "leadership", "create_requests", "resources"):
        op.drop_table(table)
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
