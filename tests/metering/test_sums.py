"""Sums between any two moments are exact: at hours and beside them, for days of every zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hearth.errors import Unavailable
from hearth.kit.db import Database
from hearth.metering import UsageQuery, close_period, day_starts, usage_rows, usage_sums
from hearth.metering.ledger import apply, interrupted
from hearth.metering.types import Entry
from tests.metering.ledgers import ledger_away
from tests.metering.records import begin, settle

HOUR_NS = 3_600 * 10**9


def ns(moment: datetime) -> int:
    return round(moment.timestamp()) * 10**9


def at(time_ns: int, n: int, *, model: str = "large") -> Entry:
    one = replace(begin(n), time_ns=time_ns, model=model)
    return Entry(one, replace(settle(n), time_ns=time_ns + 1, cost_nano=10**n))


async def test_a_month_ends_at_the_last_nanosecond(db: Database) -> None:
    november, december, january = (
        ns(datetime(2026 + month // 12, month % 12 + 1, 1, tzinfo=UTC)) for month in (10, 11, 12)
    )
    moments = (november - 1, november, december - 1, december, january - 1, january)
    await apply(db, "g", [at(moment, n) for n, moment in enumerate(moments)])

    query = UsageQuery(account_id="acme", start_ns=november, end_ns=january, splits_ns=(december,))

    assert [(one.start_ns, one.cost_nano) for one in await usage_sums(db, query)] == [
        (november, 110),
        (december, 11000),
    ]


async def test_an_interval_within_an_hour_and_one_that_cuts_two(db: Database) -> None:
    start = ns(datetime(2026, 3, 1, tzinfo=UTC))
    await apply(db, "g", [at(start + n * HOUR_NS // 2, n) for n in range(6)])  # 0:00 to 2:30
    minute = 60 * 10**9

    async def cost(first: int, last: int) -> int:
        query = UsageQuery(account_id="acme", start_ns=start + first, end_ns=start + last)
        return sum(one.cost_nano for one in await usage_sums(db, query))

    assert await cost(minute, 31 * minute) == 10
    assert await cost(30 * minute, 30 * minute + 1) == 10
    assert await cost(30 * minute, 121 * minute) == 11110
    assert await cost(0, 180 * minute) == 111111
    assert await cost(1, 150 * minute) == 11110


async def test_sums_are_told_apart_by_what_is_asked_for(db: Database) -> None:
    start = ns(datetime(2026, 3, 1, tzinfo=UTC))
    found = [at(start, 0), at(start + 1, 1, model="small"), at(start + HOUR_NS + 1, 2)]
    other = Entry(replace(begin(3, account_id="other"), time_ns=start), settle(3))
    await apply(db, "g", [*found, other, interrupted(replace(begin(4), time_ns=start), start)])
    query = UsageQuery(
        account_id="acme", start_ns=start, end_ns=start + 2 * HOUR_NS, group_by=("model",)
    )

    by_model = await usage_sums(db, query)
    by_all = await usage_sums(
        db, replace(query, group_by=("key", "user", "model", "unit", "deployment", "price"))
    )

    assert [(one.model, one.num_events, one.cost_nano, one.prompt_tokens) for one in by_model] == [
        ("large", 2, 101, 4),
        ("small", 1, 10, 2),
    ]
    assert [(one.key_id, one.user_id, one.unit) for one in by_all] == [
        ("key-1", "ada", "tokens")
    ] * 2


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Asia/Kolkata", date(2026, 3, 29), 24),  # +05:30
        ("Asia/Kathmandu", date(2026, 3, 29), 24),  # +05:45
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),  # half an hour of daylight saving
        ("America/Havana", date(2026, 3, 8), 23),  # the day begins at 1:00
        ("America/Havana", date(2026, 11, 1), 25),  # midnight comes twice
        ("Pacific/Apia", date(2011, 12, 29), 24),  # the 30th was left out
    ],
)
async def test_a_day_is_what_the_people_of_its_zone_lived(
    db: Database, zone: str, day: date, hours: float
) -> None:
    around = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    start_ns, end_ns = (ns(around + timedelta(days=days)) for days in (-3, 4))
    starts = day_starts(start_ns, end_ns, ZoneInfo(zone))
    start = next(one for one in starts if local(one, zone).date() == day)
    end = starts[starts.index(start) + 1]
    assert (end - start) / HOUR_NS == hours
    await apply(db, "g", [at(one, n) for n, one in enumerate((start - 1, start, end - 1, end))])

    query = UsageQuery(account_id="acme", start_ns=start_ns, end_ns=end_ns, splits_ns=starts)
    found = {local(one.start_ns, zone).date(): one.cost_nano for one in await usage_sums(db, query)}

    assert found[day] == 110
    assert sum(found.values()) == 1111


def local(time_ns: int, zone: str) -> datetime:
    return datetime.fromtimestamp(time_ns // 10**9, ZoneInfo(zone))


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1), timezones=st.timezones()),
    st.integers(1, 40 * 24),
)
def test_days_cover_the_time_without_gaps_or_overlaps(start: datetime, num_hours: int) -> None:
    start_ns = ns(start)
    end_ns = start_ns + num_hours * HOUR_NS
    zone = start.tzinfo
    assert zone is not None

    starts = day_starts(start_ns, end_ns, zone)

    moments = (start_ns, *starts, end_ns)
    assert list(moments) == sorted(set(moments))
    dates = [datetime.fromtimestamp(one // 10**9, zone).date() for one in moments[:-1]]
    assert dates == sorted(set(dates))
    last = datetime.fromtimestamp(end_ns // 10**9 - 1, zone).date()
    assert dates[-1] == last


@pytest.mark.parametrize(
    "moments", [(2, 1), (1, 1), (1, 5, 3, 9), (1, 1, 9), tuple(range(6000))], ids=str
)
def test_times_that_do_not_grow_are_refused(moments: tuple[int, ...]) -> None:
    start_ns, *splits_ns, end_ns = moments

    with pytest.raises(ValueError, match="usage query"):
        UsageQuery(account_id="acme", start_ns=start_ns, end_ns=end_ns, splits_ns=tuple(splits_ns))


async def test_rows_come_in_pages_once_each_by_billing_time(db: Database) -> None:
    await close_period(db, "acme", 10**9)
    early = [at(n, n % 10) for n in range(40)]
    late = [at(2 * 10**9 + n % 3, n % 10) for n in range(40, 61)]
    entries = [
        Entry(replace(one.begin, request_id=f"{n:03}"), one.settle)
        for n, one in enumerate([*early, *late])
    ]
    await apply(db, "g", [*entries, interrupted(begin(9), 5)])
    await apply(db, "g", [Entry(replace(begin(8, account_id="other"), time_ns=5), settle(8))])

    pages = [page async for page in usage_rows(db, "acme", 0, 2 * 10**9 + 2, page_rows=7)]

    assert [len(page) for page in pages[:-1]] == [7] * (len(pages) - 1)
    found = [(row.bill_time_ns, row.request_id) for page in pages for row in page]
    assert found == sorted(set(found))
    assert len(found) == 40 + 14
    assert found[39][0] == 10**9


async def test_a_ledger_out_of_reach_is_said_so(db: Database) -> None:
    async with ledger_away(db):
        with pytest.raises(Unavailable, match="ledger"):
            await usage_sums(db, UsageQuery(account_id="acme", start_ns=0, end_ns=1))
        with pytest.raises(Unavailable, match="ledger"):
            await anext(usage_rows(db, "acme", 0, 1))
