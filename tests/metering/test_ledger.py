"""One row a request, whatever is applied again, in each database."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from hearth.errors import Unavailable
from hearth.kit.db import Database
from hearth.metering import (
    Event,
    Outcome,
    UsageQuery,
    close_period,
    post,
    store,
    subjects,
    usage_sums,
    verify,
)
from hearth.metering.ledger import apply, interrupted
from hearth.metering.types import Entry
from tests.metering.ledgers import ledger_away, outcomes, rows, settled
from tests.metering.records import START_NS, begin, settle


def entries(*numbers: int) -> list[Entry]:
    return [Entry(begin(n), settle(n)) for n in numbers]


async def test_a_row_holds_all_that_the_journal_knows(db: Database) -> None:
    await apply(db, "gateway-1", entries(5))

    assert dict((await rows(db))["r-5"]) == {
        "request_id": "r-5",
        "gateway": "gateway-1",
        "account_id": "acme",
        "user_id": "ada",
        "key_id": "key-1",
        "model": "accounts/fireworks/models/large",
        "served_by": "accounts/fireworks/models/small",
        "replica_id": "replica-1",
        "route": "/chat/completions",
        "max_tokens": None,
        "begin_time_ns": START_NS + 5,
        "settle_time_ns": START_NS + 5 + 10**9,
        "outcome": "stop",
        "http_status": 200,
        "prompt_tokens": 6,
        "cached_tokens": 2,
        "completion_tokens": 11,
        "unit": "tokens",
        "units": 0,
        "deployment": "",
        "adapter_digest": "",
        "price_version": "",
        "price": "",
        "discount_bp": 0,
        "cost_nano": 0,
        "bill_time_ns": START_NS + 5,
    }


async def test_applying_again_changes_nothing(db: Database) -> None:
    await apply(db, "gateway-1", entries(1, 2))
    await apply(db, "gateway-1", entries(2, 2, 3))
    await apply(db, "gateway-1", [interrupted(begin(1), START_NS)])
    await apply(db, "gateway-1", [Entry(begin(3), settle(4))])

    assert await outcomes(db) == settled(1, 2, 3)


async def test_a_settle_found_later_replaces_an_interruption_once(db: Database) -> None:
    await apply(db, "gateway-1", [interrupted(begin(1), START_NS)])
    assert await outcomes(db) == {"r-1": ("interrupted", 0)}

    await apply(db, "gateway-1", entries(1))
    await apply(db, "gateway-1", [Entry(begin(1), settle(1, outcome=Outcome.FAILED))])

    assert await outcomes(db) == settled(1)


async def test_a_batch_that_breaks_off_leaves_nothing_and_may_be_tried_again(db: Database) -> None:
    nobody = replace(begin(2), account_id=None)

    with pytest.raises(Unavailable, match="ledger"):
        await apply(db, "gateway-1", [*entries(1), Entry(nobody, settle(2))])
    assert await outcomes(db) == {}

    await apply(db, "gateway-1", entries(1))
    assert await outcomes(db) == settled(1)


async def test_a_ledger_out_of_reach_is_said_so(db: Database) -> None:
    async with ledger_away(db):
        with pytest.raises(Unavailable, match="ledger"):
            await apply(db, "gateway-1", entries(1))


async def test_a_batch_adds_to_the_sums_of_its_account_user_and_key_once(db: Database) -> None:
    costly = [Entry(begin(n), replace(settle(n), cost_nano=n)) for n in range(1, 600)]
    for _ in range(2):
        await apply(db, "gateway-1", costly)
        await apply(db, "gateway-2", costly[100:200])

    assert (await verify(db)).differences == []
    (found,) = await usage_sums(db, EVERYTHING)
    assert (found.num_events, found.cost_nano) == (599, sum(range(600)))
    assert await spend(db) == dict.fromkeys(subjects("acme", "ada", "key-1"), sum(range(600)))


EVERYTHING = UsageQuery(account_id="acme", start_ns=0, end_ns=2 * START_NS)


async def spend(db: Database) -> dict[str, int]:
    async with db.read() as conn:
        rows = await conn.execute(text("SELECT subject, cost_nano FROM spend_days"))
        return {row[0]: row[1] for row in rows}


async def test_an_interruption_counts_nowhere_and_its_settle_does(db: Database) -> None:
    await apply(db, "gateway-1", [interrupted(begin(1), START_NS)])
    assert await usage_sums(db, EVERYTHING) == []

    again = interrupted(begin(1), START_NS)
    late = [again, Entry(begin(1), replace(settle(1), cost_nano=7)), again]
    await apply(db, "gateway-1", late)

    assert (await usage_sums(db, EVERYTHING))[0].cost_nano == 7
    assert (await verify(db)).differences == []


async def test_what_comes_after_the_close_counts_at_the_close(db: Database) -> None:
    end_ns = START_NS + 5 * 10**9
    await apply(db, "gateway-1", entries(1))
    await close_period(db, "acme", end_ns)
    await close_period(db, "acme", end_ns - 10**9)  # a closed period stays closed

    other = Entry(begin(3, account_id="other"), settle(3))
    await apply(db, "gateway-1", [*entries(2), other, Entry(begin(10**10), settle(10**10))])

    found = {one: row["bill_time_ns"] for one, row in (await rows(db)).items()}
    assert found == {
        "r-1": START_NS + 1,
        "r-2": end_ns,
        "r-3": START_NS + 3,
        f"r-{10**10}": START_NS + 10**10,
    }
    assert (await verify(db)).differences == []


async def test_a_period_is_closed_only_when_nothing_is_being_added(
    db: Database, db_url: str
) -> None:
    other = Database(db_url)
    async with db.write() as conn:
        await store.closes(conn, {"acme"})
        closing = asyncio.create_task(close_period(other, "acme", START_NS))
        done, _ = await asyncio.wait({closing}, timeout=0.3)
        assert not done
        await store.insert(conn, [ROW])

    await closing

    await other.close()


ROW = (
    "r-1", "g", "acme", "ada", "key-1", "large", "small", "", "/", None, 1, 2, "stop", 200,
    1, 0, 1, "tokens", 0, "", "", "", "", 0, 0, 1,
)  # fmt: skip


@pytest.mark.parametrize(
    "edit",
    [
        "DELETE FROM usage_events",
        "UPDATE usage_events SET cost_nano = 0",
        "UPDATE usage_events SET outcome = 'interrupted' WHERE request_id = 'r-1'",
        "UPDATE usage_events SET cost_nano = 1 WHERE outcome = 'interrupted'",
        "UPDATE usage_events SET request_id = 'x', outcome = 'stop' WHERE request_id = 'r-2'",
    ],
)
async def test_nobody_edits_the_ledger(db: Database, edit: str) -> None:
    await apply(db, "gateway-1", [*entries(1), interrupted(begin(2), START_NS)])
    before = await rows(db)

    with pytest.raises(SQLAlchemyError, match="usage_events may only be added to"):
        async with db.write() as conn:
            await conn.execute(text(edit))

    assert await rows(db) == before


async def test_an_event_is_billed_once(db: Database) -> None:
    event = Event(
        event_id="training-1",
        time_ns=START_NS,
        end_time_ns=START_NS + 10**9,
        account_id="acme",
        kind="/jobs/training",
        unit="training_tokens",
        units=10**6,
        cost_nano=3 * 10**9,
        model="accounts/fireworks/models/small",
        price_version="2026-01",
        price="training-under-16b",
    )
    await post(db, [event])
    await post(db, [event, replace(event, event_id="training-2", units=1)])

    query = replace(EVERYTHING, group_by=("unit", "price"))
    (found,) = await usage_sums(db, query)
    assert (found.unit, found.price_version) == ("training_tokens", "2026-01")
    assert (found.num_events, found.units, found.cost_nano) == (2, 10**6 + 1, 6 * 10**9)
    assert await spend(db) == {"accounts/acme": 6 * 10**9}
    assert (await verify(db)).differences == []


@pytest.mark.parametrize(
    "harm", [{"units": -1}, {"cost_nano": 2**60}, {"unit": "a\0b"}], ids=["less", "more", "text"]
)
async def test_an_event_that_no_ledger_can_store_is_refused(
    db: Database, harm: dict[str, Any]
) -> None:
    event = Event(
        event_id="e", time_ns=1, account_id="acme", kind="/jobs", unit="gpu_seconds", units=1
    )

    with pytest.raises(ValueError, match="'e' cannot be stored"):
        await post(db, [replace(event, event_id="good"), replace(event, **harm)])

    assert await rows(db) == {}


async def test_a_sum_that_somebody_changed_is_found(db: Database) -> None:
    await apply(db, "gateway-1", [Entry(begin(1), replace(settle(1), cost_nano=5))])
    async with db.write() as conn:
        await conn.execute(text("UPDATE usage_hours SET prompt_tokens = prompt_tokens + 2"))
        await conn.execute(text("DELETE FROM spend_days WHERE subject = 'accounts/acme'"))

    found = (await verify(db)).differences

    assert [(one.table, one.missing) for one in found] == [
        ("usage_hours", {"prompt_tokens": -2}),
        ("spend_days", {"cost_nano": 5}),
    ]
    assert found[1].key == ("accounts/acme", str(START_NS // (86_400 * 10**9)))
