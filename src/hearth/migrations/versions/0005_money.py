"""Money: prices, costs, limits, credits, invoices, and the log of who changed what."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from hearth.kit.columns import TEXT
from hearth.migrations.append_only import allow_changes, refuse_changes

revision = "0005"
down_revision = "0004"

_APPEND_ONLY = (
    "audit_log",
    "credit_entries",
    "credit_redemptions",
    "invoices",
    "price_books",
)
_BY_TIME = "ix_usage_events_account_id_bill_time_ns_request_id"
# The row of an interruption makes way, once, for the settle of its request.
_REPLACED = (
    "OLD.outcome = 'interrupted' AND NEW.outcome <> 'interrupted' "
    "AND NEW.request_id = OLD.request_id"
)

_TABLES = (
    "usage_hours",
    "spend_days",
    "closed_periods",
    "price_books",
    "quotas",
    "holders",
    "leases",
    "rate_levels",
    "billing_accounts",
    "credit_entries",
    "credit_codes",
    "credit_redemptions",
    "invoices",
    "audit_log",
)


def upgrade() -> None:
    _price_events()
    _sum_events()
    _make_sums()
    _make_prices()
    _make_limits()
    _make_billing()
    _make_records()
    refuse_changes(*_APPEND_ONLY)
    refuse_changes("usage_events", unless=_REPLACED)


def downgrade() -> None:
    allow_changes(*_APPEND_ONLY, "usage_events")
    for name in reversed(_TABLES):
        op.drop_table(name)
    op.drop_index(_BY_TIME, "usage_events")
    with op.batch_alter_table("usage_events") as table:
        for column in (*_NEW_COLUMNS, "bill_time_ns"):
            table.drop_column(column)
    op.create_index(
        "ix_usage_events_account_id_begin_time_ns", "usage_events", ["account_id", "begin_time_ns"]
    )


# Any: columns of several types.
_NEW_COLUMNS: dict[str, tuple[sa.types.TypeEngine[Any], str]] = {
    "unit": (TEXT, "'tokens'"),
    "units": (sa.BigInteger(), "0"),
    "deployment": (TEXT, "''"),
    "adapter_digest": (TEXT, "''"),
    "price_version": (TEXT, "''"),
    "price": (TEXT, "''"),
    "discount_bp": (sa.Integer(), "0"),
    "cost_nano": (sa.BigInteger(), "0"),
}


def _price_events() -> None:
    """Earlier events had no price: they cost nothing, and count when they began."""
    with op.batch_alter_table("usage_events") as table:
        for name, (kind, default) in _NEW_COLUMNS.items():
            table.add_column(sa.Column(name, kind, nullable=False, server_default=sa.text(default)))
        table.add_column(sa.Column("bill_time_ns", sa.BigInteger, nullable=True))
    op.execute("UPDATE usage_events SET bill_time_ns = begin_time_ns")
    with op.batch_alter_table("usage_events") as table:
        for name in _NEW_COLUMNS:
            table.alter_column(name, server_default=None)
        table.alter_column("bill_time_ns", nullable=False)
    op.drop_index("ix_usage_events_account_id_begin_time_ns", "usage_events")
    op.create_index(_BY_TIME, "usage_events", ["account_id", "bill_time_ns", "request_id"])


def _sum_events() -> None:
    op.create_table(
        "usage_hours",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("hour", sa.BigInteger, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("model", TEXT, nullable=False),
        sa.Column("deployment", TEXT, nullable=False),
        sa.Column("unit", TEXT, nullable=False),
        sa.Column("price_version", TEXT, nullable=False),
        sa.Column("price", TEXT, nullable=False),
        sa.Column("num_events", sa.BigInteger, nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_tokens", sa.BigInteger, nullable=False),
        sa.Column("completion_tokens", sa.BigInteger, nullable=False),
        sa.Column("units", sa.BigInteger, nullable=False),
        sa.Column("cost_nano", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint(
            "account_id",
            "hour",
            "user_id",
            "key_id",
            "model",
            "deployment",
            "unit",
            "price_version",
            "price",
            name="pk_usage_hours",
        ),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO usage_hours SELECT account_id, bill_time_ns / 3600000000000, user_id, key_id,"
        " model, deployment, unit, price_version, price, COUNT(*), SUM(prompt_tokens),"
        " SUM(cached_tokens), SUM(completion_tokens), 0, 0"
        " FROM usage_events WHERE outcome <> 'interrupted'"
        " GROUP BY account_id, bill_time_ns / 3600000000000, user_id, key_id, model, deployment,"
        " unit, price_version, price"
    )


def _make_sums() -> None:
    op.create_table(
        "spend_days",
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("day", sa.BigInteger, nullable=False),
        sa.Column("cost_nano", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("subject", "day", name="pk_spend_days"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "closed_periods",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("until_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_closed_periods"),
    )


def _make_prices() -> None:
    op.create_table(
        "price_books",
        sa.Column("version", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("effective_time_ns", sa.BigInteger, nullable=False),
        sa.Column("create_time_ns", sa.BigInteger, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_price_books"),
    )
    op.create_index(
        "ix_price_books_account_id_effective_time_ns",
        "price_books",
        ["account_id", "effective_time_ns"],
        unique=True,
    )


def _make_limits() -> None:
    op.create_table(
        "quotas",
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("quota_id", TEXT, nullable=False),
        sa.Column("uid", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.Column("soft_value", sa.BigInteger, nullable=True),
        sa.Column("update_time_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("subject", "quota_id", name="pk_quotas"),
        sa.UniqueConstraint("uid", name="uq_quotas_uid"),
    )
    op.create_index("ix_quotas_account_id", "quotas", ["account_id"])
    op.create_table(
        "holders",
        sa.Column("instance", TEXT, nullable=False),
        sa.Column("expire_time_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("instance", name="pk_holders"),
    )
    op.create_table(
        "leases",
        sa.Column("instance", TEXT, nullable=False),
        sa.Column("hold_id", TEXT, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("recalled", sa.Boolean, nullable=False),
        sa.Column("wanted", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("instance", "hold_id", name="pk_leases"),
    )
    op.create_index("ix_leases_hold_id", "leases", ["hold_id"])
    op.create_table(
        "rate_levels",
        sa.Column("uid", TEXT, nullable=False),
        sa.Column("level", sa.Float, nullable=False),
        sa.Column("time_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("uid", name="pk_rate_levels"),
    )


def _make_billing() -> None:
    op.create_table(
        "billing_accounts",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("mode", TEXT, nullable=False),
        sa.Column("suspend_state", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_billing_accounts"),
    )
    op.create_table(
        "credit_entries",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("time_ns", sa.BigInteger, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("amount_nano", sa.BigInteger, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("principal", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_credit_entries"),
    )
    op.create_index(
        "ix_credit_entries_account_id_time_ns", "credit_entries", ["account_id", "time_ns"]
    )
    op.create_table(
        "credit_codes",
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("amount_nano", sa.BigInteger, nullable=False),
        sa.Column("max_redemptions", sa.BigInteger, nullable=False),
        sa.Column("create_time_ns", sa.BigInteger, nullable=False),
        sa.Column("expire_time_ns", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("digest", name="pk_credit_codes"),
    )
    op.create_table(
        "credit_redemptions",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("time_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "digest", name="pk_credit_redemptions"),
        sa.ForeignKeyConstraint(
            ["digest"], ["credit_codes.digest"], name="fk_credit_redemptions_digest_credit_codes"
        ),
    )


def _make_records() -> None:
    op.create_table(
        "invoices",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("month", TEXT, nullable=False),
        sa.Column("issue_time_ns", sa.BigInteger, nullable=False),
        sa.Column("total_nano", sa.BigInteger, nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "month", name="pk_invoices"),
    )
    op.create_table(
        "audit_log",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("time_ns", sa.BigInteger, nullable=False),
        sa.Column("principal", TEXT, nullable=False),
        sa.Column("api_key_id", TEXT, nullable=False),
        sa.Column("method", TEXT, nullable=False),
        sa.Column("resource", TEXT, nullable=False),
        sa.Column("payload", TEXT, nullable=False),
        sa.Column("status_code", TEXT, nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("is_admin_action", sa.Boolean, nullable=False),
        sa.Column("client_ip", TEXT, nullable=False),
        sa.Column("user_agent", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_account_id_time_ns", "audit_log", ["account_id", "time_ns"])
