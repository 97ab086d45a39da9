"""Version rows; accounts, users and API keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hearth.kit.columns import TEXT, JsonValue

revision = "0001"
down_revision = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "versions",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_versions"),
    )
    create_accounts()
    create_users()
    create_api_keys()


def create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("display_name", TEXT, nullable=False),
        sa.Column("email", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("create_time", TIME, nullable=False),
        sa.Column("update_time", TIME, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_accounts"),
    )


def create_users() -> None:
    op.create_table(
        "users",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("display_name", TEXT, nullable=False),
        sa.Column("email", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("service_account", sa.Boolean, nullable=False),
        sa.Column("permission_preset", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("create_time", TIME, nullable=False),
        sa.Column("update_time", TIME, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "user_id", name="pk_users"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name="fk_users_account_id"
        ),
    )


def create_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("display_name", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("prefix", TEXT, nullable=False),
        sa.Column("annotations", JsonValue, nullable=False),
        sa.Column("create_time", TIME, nullable=False),
        sa.Column("expire_time", TIME, nullable=True),
        sa.Column("disabled", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
        sa.ForeignKeyConstraint(
            ["account_id", "user_id"],
            ["users.account_id", "users.user_id"],
            name="fk_api_keys_account_id_user_id",
        ),
    )
    op.create_index("ix_api_keys_account_id_user_id", "api_keys", ["account_id", "user_id"])


def downgrade() -> None:
    for table in ("api_keys", "users", "accounts", "versions"):
        op.drop_table(table)
