"""Billing time on a machine whose clock goes back."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime

import pytest

from hearth.metering import LedgerClock

S = 10**9
MIDNIGHT = round(datetime(2027, 1, 1, tzinfo=UTC).timestamp()) * S


def read(*wall: int) -> list[int]:
    """What the clock says as the machine's clock says these."""
    ticks = iter(wall)
    clock = LedgerClock(lambda: next(ticks))
    return [clock.now_ns() for _ in wall]


def test_time_is_the_machines_while_it_goes_on() -> None:
    assert read(1, 2, 2, 5) == [1, 2, 2, 5]
    before = time.time_ns()
    assert before <= LedgerClock().now_ns() <= time.time_ns()


def test_time_stands_still_until_a_clock_that_was_set_back_catches_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hour = 3600 * S
    wall = (10 * hour, 9 * hour, 9 * hour + 1, 10 * hour - 1, 10 * hour + 1, 8 * hour)

    found = read(*wall)

    assert found == [10 * hour] * 4 + [10 * hour + 1] * 2
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2, "once a jump"
    assert "went back by 3600.000 s" in caplog.text


def test_a_clock_that_is_merely_adjusted_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert read(5 * S, 5 * S - 900_000, 5 * S + 1) == [5 * S, 5 * S, 5 * S + 1]
    assert caplog.records == []


def test_a_month_that_is_over_does_not_come_back() -> None:
    assert read(MIDNIGHT - 1, MIDNIGHT, MIDNIGHT - S) == [MIDNIGHT - 1, MIDNIGHT, MIDNIGHT]


def test_a_leap_second_counts_on_one_side_of_midnight() -> None:
    # 23:59:60, as the kernel shows it: midnight is reached, then the second before it again.
    wall = [MIDNIGHT - S // 2, MIDNIGHT, MIDNIGHT - S + 1, MIDNIGHT - S // 2, MIDNIGHT + S // 2]

    found = read(*wall)

    assert found == sorted(found)
    assert [one < MIDNIGHT for one in found] == [True, False, False, False, False]


def test_it_tells_how_long_time_will_stand_still() -> None:
    ticks = iter((100 * S, 100 * S, 40 * S, 130 * S))
    clock = LedgerClock(lambda: next(ticks))
    clock.now_ns()

    assert [clock.behind_s for _ in range(3)] == [0.0, 60.0, 0.0]
