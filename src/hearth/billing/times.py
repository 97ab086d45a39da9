"""Spans of time that reports and invoices are about, as callers write them.

Bills are by months of UTC; reports may be cut into days of any zone. The ledger counts nanoseconds
since the epoch, where a day of UTC always has 86,400 s: a leap second is spread or repeated by the
machine's clock and belongs to the day that it ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hearth.errors import InvalidRequest
from hearth.kit.clock import from_rfc3339, to_ns

MAX_REPORT = timedelta(days=400)
"A year and the month before it; a longer report is asked for in parts."

_MONTH = re.compile(r"(\d{4})-(\d\d)", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1970, 2200  # nanoseconds since the epoch end in 2262


class Span(NamedTuple):
    """From `start` on and before `end`, both aware."""

    start: datetime
    end: datetime

    @property
    def start_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return to_ns(self.start)

    @property
    def end_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return to_ns(self.end)


def month_span(month: str, *, param: str = "month") -> Span:
    """The month `yyyy-mm` of UTC.

    Raises:
        InvalidRequest: there is no such month.
    """
    match = _MONTH.fullmatch(month)
    year, number = (int(match.group(1)), int(match.group(2))) if match else (0, 0)
    if not (_FIRST_YEAR <= year <= _LAST_YEAR and 1 <= number <= 12):
        raise InvalidRequest(
            f"{param}: write a month such as 2026-01, not {month[:40]!r}.", param=param
        )
    following = (year + 1, 1) if number == 12 else (year, number + 1)
    return Span(datetime(year, number, 1, tzinfo=UTC), datetime(*following, 1, tzinfo=UTC))


def month_of(moment: datetime) -> str:
    """The month of UTC that a moment lies in."""
    return f"{moment.astimezone(UTC):%Y-%m}"


def read_span(
    params: Mapping[str, str],
    names: tuple[str, str] = ("startTime", "endTime"),
    *,
    longest: timedelta = MAX_REPORT,
) -> Span:
    """The span that two query parameters name.

    Raises:
        InvalidRequest: one is missing, is no time, says no zone, or the end is not after the start.
    """
    span = Span(*(_read_time(params.get(name, ""), name) for name in names))
    if span.end <= span.start:
        raise InvalidRequest(f"{names[1]}: it must be after {names[0]}.", param=names[1])
    if span.end - span.start > longest:
        raise InvalidRequest(
            f"{names[1]}: a report covers at most {longest.days} days; ask for it in parts.",
            param=names[1],
        )
    return span


def read_zone(name: str, *, param: str = "timezone") -> ZoneInfo:
    """A zone of the IANA database, such as `Europe/Berlin`; UTC when none is named.

    Raises:
        InvalidRequest: there is none of this name.
    """
    try:
        return ZoneInfo(name[:100] or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: it names a folder
        raise InvalidRequest(
            f"{param}: there is no zone {name[:80]!r}; write one such as UTC or Europe/Berlin.",
            param=param,
        ) from error


def _read_time(text: str, param: str) -> datetime:
    try:
        moment = from_rfc3339(text)
    except ValueError as error:
        raise InvalidRequest(f"{param}: {error}.", param=param) from error
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise InvalidRequest(
            f"{param}: the ledger knows the years {_FIRST_YEAR} to {_LAST_YEAR}.", param=param
        )
    return moment
