"""What the ledger of a running Hearth says of requests."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

import httpx
from msgspec import Struct

from tests.running import RunningHearth

LIMIT_S = 20.0
_COLUMNS = "route, outcome, http_status, prompt_tokens, completion_tokens"


class Row(Struct, frozen=True):
    """A settled request."""

    route: str
    outcome: str
    http_status: int
    prompt_tokens: int
    completion_tokens: int


def settled(hearth: RunningHearth, *, column: str, value: str) -> list[Row]:
    """Wait for requests with this value in a column; they come a moment after their answer."""
    deadline = time.monotonic() + LIMIT_S
    query = f"SELECT {_COLUMNS} FROM usage_events WHERE {column} = ?"
    while True:
        with closing(sqlite3.connect(hearth.home / "state.db")) as db:
            rows = db.execute(query, (value,)).fetchall()
        if rows:
            return [Row(*row) for row in rows]
        assert time.monotonic() < deadline, f"no request has the {column} {value}"
        httpx.get(f"{hearth.url}/healthz")  # a round trip between two looks
