"""Days as people in a time zone live them: of 24 hours, of 23 and 25, starting at :30 and :45."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo


def day_starts(start_ns: int, end_ns: int, zone: tzinfo) -> tuple[int, ...]:
    """The midnights of a zone after `start_ns` and before `end_ns`.

    Where the clock is put forward at midnight the day starts with the jump; where it is put back
    over midnight, the first midnight counts.
    """
    day = datetime.fromtimestamp(start_ns // 10**9, UTC).astimezone(zone).date()
    starts: list[int] = []
    while True:
        day += timedelta(days=1)
        # Whole seconds: every offset of a zone is, so the float is exact.
        start = round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 10**9
        if start >= end_ns:
            return tuple(starts)
        # A zone that changed sides of the date line left out a day: both midnights are one.
        if start > start_ns and starts[-1:] != [start]:
            starts.append(start)
