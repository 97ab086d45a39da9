"""What the database says of requests, against what clients saw."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from tests.e2e.crowd import Seen
from tests.e2e.load import Used

LIMIT_S = 60.0
ASK_AGAIN_AFTER_S = 0.1

Query = Callable[[str], list[tuple[Any, ...]]]  # Any: the columns of a row
"Runs one SELECT."


def sqlite_query(home: Path) -> Query:
    """Ask the database in a home."""

    def query(sql: str) -> list[tuple[Any, ...]]:  # Any: see Query
        with closing(sqlite3.connect(home / "state.db", timeout=LIMIT_S)) as database:
            return database.execute(sql).fetchall()

    return query


def postgres_query(url: str) -> Query:
    """Ask a PostgreSQL database."""

    def query(sql: str) -> list[tuple[Any, ...]]:  # Any: see Query
        with psycopg.connect(url, connect_timeout=10) as conn:
            return conn.execute(sql.encode()).fetchall()

    return query


def wait_for_rows(query: Query, request_ids: set[str], *, limit_s: float = LIMIT_S) -> None:
    """Wait until every one of these requests has its row; say which has none."""
    deadline = time.monotonic() + limit_s
    missing = request_ids
    while missing:
        rows = query("SELECT request_id FROM usage_events")
        missing = missing - {request_id for (request_id,) in rows}
        assert not missing or time.monotonic() < deadline, (
            f"{len(missing)} of {len(request_ids)} finished requests are not in the ledger, "
            f"such as {min(missing)}"
        )
        if missing:
            threading.Event().wait(ASK_AGAIN_AFTER_S)


def assert_nothing_lost_or_doubled(query: Query, seen: Seen, *, extra: int) -> None:
    """Compare the ledger with what clients saw.

    Args:
        query: of the database, in which every journal has been applied.
        seen: by all clients.
        extra: requests of others, such as the first answer of each start.
    """
    rows = query("SELECT request_id, outcome, prompt_tokens, completion_tokens FROM usage_events")
    by_id = {row[0]: Used(*row[2:]) for row in rows}

    assert len(by_id) == len(rows), "a request has two rows"
    assert {each: by_id.get(each) for each in seen.finished} == seen.finished
    assert len(rows) <= seen.num_sent + extra, "a request was counted under two ids"
    ended_well = {row[0] for row in rows if row[1] in {"stop", "length"}}
    unseen = len(ended_well - seen.finished.keys())
    may_be_unseen = seen.num_broken + seen.num_left + sum(seen.unavailable.values()) + extra
    assert unseen <= may_be_unseen, "more was answered than clients can have missed"
