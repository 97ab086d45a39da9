"""Time: a clock is passed in wherever the moment matters; on the wire it is RFC 3339."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Tells the present moment, aware, in UTC."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def utc_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


def to_ns(moment: datetime) -> int:
    """Nanoseconds since the epoch, exactly."""
    return (moment - _EPOCH) // _MICROSECOND * 1000


def from_ns(time_ns: int) -> datetime:
    """The moment, aware, in UTC; digits beyond the microsecond are dropped."""
    return _EPOCH + time_ns // 1000 * _MICROSECOND


def to_rfc3339(moment: datetime) -> str:
    """As protobuf writes it: in `Z`, with 0, 3 or 6 digits of a second."""
    moment = moment.astimezone(UTC)
    if moment.microsecond == 0:
        timespec = "seconds"
    else:
        timespec = "milliseconds" if moment.microsecond % 1000 == 0 else "microseconds"
    return moment.replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


def from_rfc3339(text: str) -> datetime:
    """Read a time that says its zone; digits beyond the microsecond are dropped.

    Raises:
        ValueError: it is not RFC 3339, or lies outside the years 1 to 9999.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an RFC 3339 time such as 2026-01-31T12:00:00Z")
    date, time, fraction, zone = match.groups()
    micros = (fraction or "0").ljust(6, "0")[:6]
    offset = "+00:00" if zone in "Zz" else zone
    try:
        return datetime.fromisoformat(f"{date}T{time}.{micros}{offset}").astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} lies outside the years 1 to 9999") from error
