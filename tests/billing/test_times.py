"""Spans of time as callers write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hearth.billing.times import Span, month_of, month_span, read_span, read_zone
from hearth.errors import InvalidRequest

START = "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("month", "end"),
    [
        ("2026-01", datetime(2026, 2, 1, tzinfo=UTC)),
        ("2026-12", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2024-02", datetime(2024, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_month_ends_where_the_next_begins(month: str, end: datetime) -> None:
    span = month_span(month)

    assert span.end == end
    assert month_of(span.start) == month
    assert month_of(end) != month


@pytest.mark.parametrize(
    "month",
    [
        "",
        "2026-13",
        "2026-00",
        "2026-1",
        "1969-12",
        "9999-01",
        "2026-01-01",
        "\u0662\u0660\u0662\u0666-01",
    ],
)
def test_what_is_no_month_is_refused(month: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        month_span(month)

    assert caught.value.param == "month"


@pytest.mark.parametrize(
    ("start", "end", "param"),
    [
        ("", START, "startTime"),
        (START, "", "endTime"),
        (START, START, "endTime"),
        (START, "2025-12-31T00:00:00Z", "endTime"),
        ("2026-01-01T00:00:00", "2026-02-01T00:00:00Z", "startTime"),
        ("2026-01-01", "2026-02-01T00:00:00Z", "startTime"),
        ("2026-02-30T00:00:00Z", "2026-03-01T00:00:00Z", "startTime"),
        (START, "2030-01-01T00:00:00Z", "endTime"),
        ("0001-01-01T00:00:00Z", START, "startTime"),
        (START, "9999-01-01T00:00:00Z", "endTime"),
    ],
)
def test_a_span_that_cannot_be_is_refused_by_name(start: str, end: str, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_span({"startTime": start, "endTime": end})

    assert caught.value.param == param


def test_a_span_counts_nanoseconds_whatever_its_zone() -> None:
    span = read_span(
        {"startTime": "2026-01-01T01:00:00+01:00", "endTime": "2026-01-01T00:00:00.5Z"}
    )

    assert span == Span(
        datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    )
    assert span.end_ns - span.start_ns == 500_000_000


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "America", "/etc", "x\x00y"])
def test_a_zone_that_is_not_known_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_zone(name)

    assert caught.value.param == "timezone"
