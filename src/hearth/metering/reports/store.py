"""Reads the ledger's tables; a report is one statement, so that it sees one state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hearth.kit.db import Connection
from hearth.metering.store import COUNTED, usage_events, usage_hours
from hearth.metering.summing import DAY_NS, HOUR_NS
from hearth.metering.types import Outcome

Span = tuple[int, int, int]
"The number of an interval, and the first and last of its hours or nanoseconds; that excluded."

Row = tuple[Any, ...]  # Any: names and numbers
"In the order of the statement's columns."

MAX_DIFFERENCES = 1_000
_NOTHING: Span = (0, 0, 0)
_KEYS = [column.name for column in usage_hours.primary_key]
_COLUMNS = ", ".join(column.name for column in usage_events.columns)
_MARKS = {"sqlite": "?", "postgresql": "%s"}


async def sums(
    conn: Connection,
    account_id: str,
    columns: Sequence[str],
    hours: Sequence[Span],
    edges: Sequence[Span],
) -> list[Row]:
    """Sum whole hours and the events at their edges, by interval and columns."""
    names = "".join(f", {column}" for column in columns)
    dialect = conn.dialect.name
    mark, counted = _MARKS[dialect], ", ".join(COUNTED)
    what = f"num_events{names}, {counted}"
    in_hours = _each_span(
        dialect,
        "hours",
        f"{what} FROM {{}}usage_hours {{}} account_id = {mark} AND hour >= low AND hour < high",
    )
    in_edges = _each_span(
        dialect,
        "edges",
        f"1 AS {what} FROM {{}}usage_events {{}} account_id = {mark} AND bill_time_ns >= low "
        f"AND bill_time_ns < high AND outcome <> '{Outcome.INTERRUPTED}'",
    )
    sql = f"""
        WITH hours (n, low, high) AS ({_values(hours, mark)}),
             edges (n, low, high) AS ({_values(edges, mark)})
        SELECT n{names}, {_sums(("num_events", *COUNTED))}
        FROM ({in_hours} UNION ALL {in_edges}) AS found GROUP BY n{names}
    """  # noqa: S608 - names are ours
    values = (*_flat(hours), *_flat(edges), account_id, account_id)
    return [*map(tuple, await conn.exec_driver_sql(sql, values))]


async def page(
    conn: Connection, account_id: str, after: tuple[int, str], end_ns: int, limit: int
) -> list[Row]:
    """Rows that count, in the order of billing time and id."""
    mark = _MARKS[conn.dialect.name]
    sql = f"""
        SELECT {_COLUMNS} FROM usage_events WHERE account_id = {mark}
        AND bill_time_ns >= {mark} AND bill_time_ns < {mark}
        AND (bill_time_ns > {mark} OR request_id > {mark})
        AND outcome <> '{Outcome.INTERRUPTED}'
        ORDER BY bill_time_ns, request_id LIMIT {limit:d}
    """  # noqa: S608 - names are ours
    time_ns, request_id = after
    values = (account_id, time_ns, end_ns, time_ns, request_id)
    return [*map(tuple, await conn.exec_driver_sql(sql, values))]


async def outcomes(conn: Connection) -> dict[str, int]:
    """How many rows there are of each outcome."""
    await _take_time(conn)
    sql = "SELECT outcome, COUNT(*) FROM usage_events GROUP BY outcome ORDER BY outcome"
    return dict(map(tuple, await conn.exec_driver_sql(sql)))


async def hour_differences(conn: Connection) -> list[Row]:
    """Keys of `usage_hours`, and by how much the events exceed each of its sums."""
    keys = ", ".join(_KEYS)
    events = keys.replace("hour,", f"bill_time_ns / {HOUR_NS} AS hour,")
    counted = ", ".join(COUNTED)
    negated = ", ".join(f"-{name}" for name in COUNTED)
    found = f"""
        SELECT {events}, 1 AS num_events, {counted} FROM usage_events
        WHERE outcome <> '{Outcome.INTERRUPTED}'
        UNION ALL SELECT {keys}, -num_events, {negated} FROM usage_hours
    """  # noqa: S608 - names are ours
    return await _differences(conn, keys, ("num_events", *COUNTED), found)


async def day_differences(conn: Connection) -> list[Row]:
    """Keys of `spend_days`, and by how much the cost of the events exceeds each of its sums."""
    user = "'accounts/' || account_id || '/users/' || user_id"
    subjects = {
        "'accounts/' || account_id": "",
        user: "AND user_id <> ''",
        f"{user} || '/apiKeys/' || key_id": "AND user_id <> '' AND key_id <> ''",
    }
    found = " UNION ALL ".join(
        f"SELECT {subject} AS subject, bill_time_ns / {DAY_NS} AS day, "  # noqa: S608 - names are ours
        f"cost_nano FROM usage_events WHERE outcome <> '{Outcome.INTERRUPTED}' {only}"
        for subject, only in subjects.items()
    )
    found += " UNION ALL SELECT subject, day, -cost_nano FROM spend_days"
    return await _differences(conn, "subject, day", ("cost_nano",), found)


async def _differences(
    conn: Connection, keys: str, counted: Sequence[str], found: str
) -> list[Row]:
    await _take_time(conn)
    having = " OR ".join(f"SUM({name}) <> 0" for name in counted)
    sql = (
        f"SELECT {keys}, {_sums(counted)} FROM ({found}) AS found "  # noqa: S608 - names are ours
        f"GROUP BY {keys} HAVING {having} ORDER BY {keys} LIMIT {MAX_DIFFERENCES}"
    )
    return [*map(tuple, await conn.exec_driver_sql(sql))]


async def _take_time(conn: Connection) -> None:
    """Reading all of a large ledger takes longer than any request may."""
    if conn.dialect.name == "postgresql":
        await conn.exec_driver_sql("SET LOCAL statement_timeout = 0")


def _each_span(dialect: str, spans: str, what: str) -> str:
    """Read what lies in each span, by an index.

    PostgreSQL would rather read all of an account and compare each row with every span; a subquery
    that must stay one keeps it from that.
    """
    if dialect == "sqlite":
        return f"SELECT n, {what.format(f'{spans} JOIN ', 'ON')}"
    part = f"SELECT {what.format('', 'WHERE')} OFFSET 0"
    return f"SELECT {spans}.n, part.* FROM {spans} CROSS JOIN LATERAL ({part}) AS part"  # noqa: S608


def _sums(names: Iterable[str]) -> str:
    return ", ".join(f"CAST(SUM({name}) AS BIGINT)" for name in names)


def _values(spans: Sequence[Span], mark: str) -> str:
    rows = ", ".join([f"({mark}, {mark}, {mark})"] * max(1, len(spans)))
    return f"VALUES {rows}"


def _flat(spans: Sequence[Span]) -> list[int]:
    return [value for span in spans or [_NOTHING] for value in span]
