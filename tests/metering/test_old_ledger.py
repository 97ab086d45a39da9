"""A ledger written before prices: its rows cost nothing, count where they began, and are summed."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

import hearth.migrations
from hearth.kit.db import Database
from hearth.metering import verify
from hearth.metering.ledger import apply
from hearth.metering.types import Entry
from hearth.migrations import migrate
from tests.metering.records import START_NS, begin, settle

OLD = (
    "INSERT INTO usage_events (request_id, gateway, account_id, user_id, key_id, model, served_by,"
    " replica_id, route, max_tokens, begin_time_ns, settle_time_ns, outcome, http_status,"
    " prompt_tokens, cached_tokens, completion_tokens) VALUES (:id, 'g', 'acme', 'ada', 'key-1',"
    " 'm', 'm', 'r', '/chat/completions', NULL, :begin, :begin, :outcome, 200, 5, 1, 7)"
)


def upgrade_to_0004(conn: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", hearth.migrations.__path__[0])
    config.attributes["connection"] = conn
    command.upgrade(config, "0004")


async def test_rows_from_before_prices_keep_their_place(empty_db: Database) -> None:
    async with empty_db.schema_change() as conn:
        await conn.run_sync(upgrade_to_0004)
        for n in range(10):
            outcome = "interrupted" if n == 9 else "stop"
            row = {"id": f"old-{n}", "begin": START_NS + n * 10**13, "outcome": outcome}
            await conn.execute(text(OLD), row)

    await migrate(empty_db)

    async with empty_db.read() as conn:
        rows = (
            await conn.execute(
                text("SELECT bill_time_ns - begin_time_ns, cost_nano, unit FROM usage_events")
            )
        ).all()
        counted = (
            await conn.execute(text("SELECT SUM(num_events), SUM(prompt_tokens) FROM usage_hours"))
        ).one()
    assert set(rows) == {(0, 0, "tokens")}
    assert tuple(map(int, counted)) == (9, 45)

    await apply(empty_db, "gateway-1", [Entry(begin(1), settle(1))])
    assert not (await verify(empty_db)).differences
