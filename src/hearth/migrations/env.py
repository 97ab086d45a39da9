"""Run by Alembic: migrate over the connection, and in the transaction, that we were given."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from hearth.kit.db import metadata

connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
