"""Cron expressions of five fields, as crontab(5) defines them, and when they last matched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

_FIELDS: Final = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
)
_NAMES: Final = {
    "month": ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    "day of week": ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Cron:
    """The values that each field allows."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    "Sunday is 0."
    is_either_day: bool
    "Both days of month and of week are restricted, so either may match."

    def matches(self, day: date) -> bool:
        """Whether it begins on this day."""
        if day.month not in self.months:
            return False
        in_month = day.day in self.days
        in_week = day.isoweekday() % 7 in self.weekdays
        return in_month or in_week if self.is_either_day else in_month and in_week

    def last(self, now: datetime, within: timedelta) -> datetime | None:
        """The last moment that matches, no later than `now` and not older than `within`.

        Both are local times without a zone.
        """
        for back in range(within.days + 2):
            day = now.date() - timedelta(days=back)
            limit = now.time() if back == 0 else time.max
            found = self._last_on(day, limit) if self.matches(day) else None
            if found is not None:
                return found if now - found <= within else None
        return None

    def _last_on(self, day: date, limit: time) -> datetime | None:
        for hour in reversed(self.hours):
            for minute in reversed(self.minutes):
                if time(hour, minute) <= limit:
                    return datetime.combine(day, time(hour, minute))
        return None


@lru_cache(maxsize=1024)
def parse_cron(text: str) -> Cron:
    """Read `minute hour day-of-month month day-of-week`: lists, ranges, steps, names.

    Raises:
        ValueError: it has another form; the message names the field.
    """
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(
            f"{text!r} has {len(parts)} fields, not five: minute, hour, day of month, month, "
            "day of week"
        )
    minutes, hours, days, months, weekdays = (
        _values(part, name, low, high)
        for part, (name, low, high) in zip(parts, _FIELDS, strict=True)
    )
    return Cron(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(day % 7 for day in weekdays),
        is_either_day=not (parts[2].startswith("*") or parts[4].startswith("*")),
    )


def _values(text: str, name: str, low: int, high: int) -> set[int]:
    values: set[int] = set()
    for part in text.lower().split(","):
        span, slash, step = part.partition("/")
        if slash and not (step.isdecimal() and int(step) > 0):
            raise ValueError(f"{name}: the step {step!r} is no number above zero")
        first, last = _span(span, name, low, high)
        if not slash or span == "*" or "-" in span:
            values.update(range(first, last + 1, int(step or 1)))
        else:
            values.update(range(first, high + 1, int(step)))  # `5/15` is from 5 on, by 15
    return values


def _span(text: str, name: str, low: int, high: int) -> tuple[int, int]:
    if text == "*":
        return low, high
    begin, dash, end = text.partition("-")
    first = _number(begin, name)
    last = _number(end, name) if dash else first
    if not low <= first <= last <= high:
        raise ValueError(f"{name}: {text!r} is not within {low} to {high}")
    return first, last


def _number(text: str, name: str) -> int:
    names = _NAMES.get(name, [])
    if text in names:
        return names.index(text) + (1 if name == "month" else 0)
    if not text.isdecimal():
        raise ValueError(f"{name}: {text!r} is no number")
    return int(text)
