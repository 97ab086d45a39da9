"""Windows: days and months of UTC, and where they end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearth.limits.types import Window
from hearth.limits.windows import DAY_NS, days_of, end_ns, window_key


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("moment", "day", "month", "num_days"),
    [
        ("2026-11-22T10:00:00", "2026-11-22", "2026-11", 30),
        ("2026-12-31T23:59:59", "2026-12-31", "2026-12", 31),
        ("2024-02-29T12:00:00", "2024-02-29", "2024-02", 29),
        ("2026-02-28T23:59:59", "2026-02-28", "2026-02", 28),
        ("2000-02-29T00:00:00", "2000-02-29", "2000-02", 29),
        ("2100-02-28T00:00:00", "2100-02-28", "2100-02", 28),
        ("2016-12-31T23:59:59", "2016-12-31", "2016-12", 31),  # a leap second follows
    ],
)
def test_a_moment_is_in_its_day_and_its_month(
    moment: str, day: str, month: str, num_days: int
) -> None:
    assert window_key("day", ns(moment)) == day
    assert window_key("month", ns(moment)) == month
    assert len(days_of(month)) == num_days


@given(st.integers(0, ns("2200-01-01T00:00:00")), st.sampled_from(["day", "month"]))
def test_a_moment_lies_in_its_window_and_the_end_in_the_next(time_ns: int, window: Window) -> None:
    key = window_key(window, time_ns)
    end = end_ns(key)

    assert end is not None
    assert time_ns // DAY_NS in days_of(key)
    assert window_key(window, end - 1) == key
    assert window_key(window, end) != key
    assert days_of(window_key(window, end)).start == days_of(key).stop


def test_the_total_counts_all_days_and_what_runs_now_none() -> None:
    today = (datetime.now(UTC) + timedelta(days=36_500)).timestamp() // 86_400

    assert today in days_of(window_key("total", 0))
    assert len(days_of(window_key("now", 0))) == 0
    assert end_ns("total") is None
    assert end_ns("now") is None


def test_a_rate_has_no_window() -> None:
    with pytest.raises(ValueError, match="minute"):
        window_key("minute", 0)
