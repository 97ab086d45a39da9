"""The time that a report covers: this month so far, where flags say no other."""

from __future__ import annotations

from hearth.firectl.call import Call
from hearth.firectl.grammar import Flag
from hearth.firectl.http import Object
from hearth.firectl.kinds import TIME
from hearth.firectl.request_parts import query_of

FLAGS = (
    Flag(
        name="start-time", query="startTime", kind=TIME, help="From here: this month's first day."
    ),
    Flag(name="end-time", query="endTime", kind=TIME, help="Until here: now."),
)


def query_with_span(call: Call) -> Object:
    """The query, with both ends of the time."""
    from datetime import UTC, datetime

    now = datetime.now(UTC).replace(microsecond=0)
    month = now.replace(day=1, hour=0, minute=0, second=0)
    span = {"startTime": _written(month), "endTime": _written(now)}
    return span | query_of(call)


def _written(moment: object) -> str:
    return str(moment).replace(" ", "T").replace("+00:00", "Z")
