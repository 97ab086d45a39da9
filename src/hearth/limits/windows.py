"""The stretch of time in which a limit counts: its key, its days in the ledger's sums, its end.

Days and months are those of UTC, which knows no daylight saving; a leap second is part of the
second before it, as in every clock that counts from the epoch.
"""

from __future__ import annotations

from datetime import date, timedelta

from hearth.limits.types import Window

DAY_NS = 86_400 * 10**9
TOTAL = "total"
NOW = "now"

_EPOCH = date(1970, 1, 1)
_LAST_DAY = 2**31  # later than any day a row can have


def window_key(window: Window, time_ns: int) -> str:
    """Name the window that a moment is in: `2026-11-22`, `2026-11`, `total` or `now`.

    Raises:
        ValueError: rates per minute have no windows; they are buckets that refill.
    """
    if window in {TOTAL, NOW}:
        return window
    day = (_EPOCH + timedelta(days=time_ns // DAY_NS)).isoformat()
    if window == "day":
        return day
    if window == "month":
        return day[:7]
    raise ValueError(f"a limit per {window} has no window")


def days_of(key: str) -> range:
    """The days since the epoch, UTC, whose spending counts in a window; none count in `now`."""
    if key == TOTAL:
        return range(_LAST_DAY)
    if key == NOW:
        return range(0)
    first, after = _bounds(key)
    return range((first - _EPOCH).days, (after - _EPOCH).days)


def end_ns(key: str) -> int | None:
    """The first moment after a window; None for one that does not end by the clock."""
    if key in {TOTAL, NOW}:
        return None
    return days_of(key).stop * DAY_NS


def _bounds(key: str) -> tuple[date, date]:
    if len(key) == len("2026-11-22"):
        first = date.fromisoformat(key)
        return first, first + timedelta(days=1)
    first = date.fromisoformat(f"{key}-01")
    return first, (first + timedelta(days=31)).replace(day=1)
