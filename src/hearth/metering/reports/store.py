"""Reads the ledger's tables; a report is one statement, so that it sees one state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hearth.kit.db import Connection
from hearth.metering.reports.types import UsageRow
from hearth.metering.store import COUNTED, usage_hours
from hearth.metering.summing import DAY_NS, HOUR_NS
from hearth.metering.types import Outcome

Span = tuple[int, int, int]
"The number of an interval, and the first and last of its hours or nanoseconds; that excluded."

Row = tuple[Any, ...]  # Any: names and numbers
"In the order of the statement's columns."

MAX_DIFFERENCES = 1_000
_NOTHING: Span = (0, 0, 0)
_KEYS = [column.name for column in usage_hours.primary_key]
_COLUMNS = ", ".join(UsageRow._fields)
_TOTALS = ("num_events", *COUNTED)
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
    mark = _MARKS[dialect]
    in_hours = _each_span(
        dialect,
        columns,
        _TOTALS,
        ("hours", f"usage_hours {{}} account_id = {mark} AND hour >= low AND hour < high"),
    )
    in_edges = _each_span(
        dialect,
        columns,
        ("1", *COUNTED),
        (
            "edges",
            f"usage_events {{}} account_id = {mark} AND bill_time_ns >= low "
            f"AND bill_time_ns < high AND outcome <> '{Outcome.INTERRUPTED}'",
        ),
    )
    sql = f"""
        WITH hours (n, low, high) AS ({_values(hours, mark)}),
             edges (n, low, high) AS ({_values(edges, mark)})
        SELECT n{names}, {_sums(_TOTALS)}
        FROM ({in_hours} UNION ALL {in_edges}) AS found GROUP BY n{names}
    """  # noqa: S608 - names are ours
    values = (*_flat(hours), *_flat(edges), account_id, account_id)
    return [*map(tuple, await conn.exec_driver_sql(sql, values))]


async def page(
    conn: Connection, account_id: str, after: tuple[int, str], end_ns: int, limit: int
) -> list[UsageRow]:
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
    return [*map(UsageRow._make, await conn.exec_driver_sql(sql, values))]


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


def _each_span(
    dialect: str, columns: Sequence[str], counts: Sequence[str], source: tuple[str, str]
) -> str:
    """Read what lies in each span, by an index; `source` are the spans and the rows in them.

    PostgreSQL would rather read all of an account and compare each row with every span. Sums of
    their own for each span keep it from that, and from sorting all rows at once.
    """
    spans, rows = source
    names = "".join(f", {column}" for column in columns)
    totals = zip(counts, _TOTALS, strict=True)
    if dialect == "sqlite":
        plain = ", ".join(f"{count} AS {total}" for count, total in totals)
        return f"SELECT n, {plain}{names} FROM {spans} JOIN {rows.format('ON')}"  # noqa: S608
    summed = ", ".join(f"CAST(SUM({count}) AS BIGINT) AS {total}" for count, total in totals)
    group = f"GROUP BY {', '.join(columns)}" if columns else ""
    part = f"SELECT {summed}{names} FROM {rows.format('WHERE')} {group} HAVING COUNT(*) > 0"  # noqa: S608
    return f"SELECT {spans}.n, part.* FROM {spans} CROSS JOIN LATERAL ({part}) AS part"  # noqa: S608


def _sums(names: Iterable[str]) -> str:
    return ", ".join(f"CAST(SUM({name}) AS BIGINT)" for name in names)


def _values(spans: Sequence[Span], mark: str) -> str:
    rows = ", ".join([f"({mark}, {mark}, {mark})"] * max(1, len(spans)))
    return f"VALUES {rows}"


def _flat(spans: Sequence[Span]) -> list[int]:
    return [value for span in spans or [_NOTHING] for value in span]
