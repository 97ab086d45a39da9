"""Bounds that come and go by the clock, in zones whose clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hearth.deployments.autoscaling import Policy, Reason, Schedule, bounds_at
from hearth.deployments.autoscaling.cron import parse_cron
from tests.deployments.autoscaling.virtual import START_S, Deployment

OFFICE = Schedule(
    cron="0 9 * * mon-fri", duration_s=8 * 3600, timezone="Europe/Berlin", min_replicas=3
)


def low_at(schedule: Schedule, when: str) -> int:
    """The minimum at a moment in UTC."""
    policy = Policy(max_replicas=9, schedules={"office": schedule})
    return bounds_at(policy, datetime.fromisoformat(when).replace(tzinfo=UTC).timestamp()).low


@pytest.mark.parametrize(
    ("when", "low"),
    [
        ("2027-01-04T07:59:59", 0),  # a Monday in winter
        ("2027-01-04T08:00:00", 3),
        ("2027-01-04T15:59:59", 3),
        ("2027-01-04T16:00:00", 0),
        ("2027-07-05T06:59:59", 0),  # summer: an hour earlier in UTC
        ("2027-07-05T07:00:00", 3),
        ("2027-01-09T10:00:00", 0),  # a Saturday
    ],
)
def test_a_schedule_follows_the_wall_clock_of_its_zone(when: str, low: int) -> None:
    assert low_at(OFFICE, when) == low


@pytest.mark.parametrize(
    ("when", "low"),
    [
        ("2027-03-28T00:59:00", 0),  # 01:59 in Berlin; then clocks show 03:00
        ("2027-03-28T01:31:00", 3),
        ("2027-10-31T00:29:00", 0),
        ("2027-10-31T00:30:00", 3),  # the first 02:30 of two
        ("2027-10-31T01:30:00", 0),  # the second is not a new turn
    ],
)
def test_a_time_that_clocks_skip_or_repeat_comes_once(when: str, low: int) -> None:
    night = Schedule(cron="30 2 * * *", duration_s=3600, timezone="Europe/Berlin", min_replicas=3)

    assert low_at(night, when) == low


def test_a_schedule_over_midnight_lasts_into_the_next_day() -> None:
    late = Schedule(cron="0 22 * * fri", duration_s=6 * 3600, min_replicas=2)

    assert low_at(late, "2027-01-09T03:59:59") == 2
    assert low_at(late, "2027-01-09T04:00:00") == 0


def test_of_two_schedules_the_higher_minimum_holds() -> None:
    both = {"office": OFFICE, "sale": Schedule(cron="0 * * * *", duration_s=60, min_replicas=5)}
    policy = Policy(max_replicas=9, schedules=both)

    at = datetime(2027, 1, 4, 9, 0, 30, tzinfo=UTC).timestamp()
    assert bounds_at(policy, at) == (5, 9)
    assert bounds_at(policy, at + 60) == (3, 9)


def test_a_disabled_schedule_changes_nothing() -> None:
    off = Schedule(cron="* * * * *", duration_s=60, min_replicas=2, is_disabled=True)

    assert low_at(off, "2027-01-04T08:00:00") == 0


def test_a_schedule_raises_the_count_at_its_start_and_the_load_lowers_it_after_its_end() -> None:
    begins = datetime.fromtimestamp(START_S, UTC) + timedelta(minutes=10)
    cron = f"{begins.minute} {begins.hour} * * *"
    schedules = {"sale": Schedule(cron=cron, duration_s=1800, min_replicas=4)}
    deployment = Deployment(Policy(max_replicas=6, schedules=schedules))

    deployment.run(lambda _: 0.5, 3600)

    assert deployment.changes == [(600, 4, Reason.BOUNDS), (2400, 1, Reason.LOAD_FELL)]


@pytest.mark.parametrize(
    ("text", "now", "last"),
    [
        ("*/15 * * * *", "2027-01-04T10:14", "2027-01-04T10:00"),
        ("5/20 * * * *", "2027-01-04T10:44", "2027-01-04T10:25"),
        ("0 0 1 * *", "2027-01-04T10:14", "2027-01-01T00:00"),
        ("0 0 1,2 jan *", "2027-01-04T10:14", "2027-01-02T00:00"),
        ("0 0 13 * fri", "2027-01-14T10:14", "2027-01-13T00:00"),  # either day
        ("0 12 * * 7", "2027-01-04T10:14", "2027-01-03T12:00"),
        ("10-12 8-9 * * *", "2027-01-04T08:11", "2027-01-04T08:11"),
        ("10-20/5 8 * * *", "2027-01-04T08:18", "2027-01-04T08:15"),
    ],
)
def test_an_expression_says_when_it_last_matched(text: str, now: str, last: str) -> None:
    found = parse_cron(text).last(datetime.fromisoformat(now), timedelta(days=7))

    assert found == datetime.fromisoformat(last)


def test_what_is_too_long_ago_is_not_found() -> None:
    now = datetime(2027, 1, 4, 10, 14)

    assert parse_cron("0 0 1 * *").last(now, timedelta(hours=1)) is None


@pytest.mark.parametrize(
    "text", ["", "* * * *", "60 * * * *", "* 24 * * *", "5-1 * * * *", "*/0 * * * *", "x * * * *"]
)
def test_an_expression_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"fields|is not within|step|no number"):
        parse_cron(text)
