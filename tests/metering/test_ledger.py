"""One row a request, whatever is applied again, in each database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from hearth.errors import Unavailable
from hearth.kit.db import Database
from hearth.metering import Outcome, UsageTotal, usage_totals
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
        with pytest.raises(Unavailable, match="ledger"):
            await usage_totals(db, since=datetime.now(UTC), until=datetime.now(UTC))


async def test_totals_are_by_account_model_and_day(db: Database) -> None:
    day_ns = 86_400 * 10**9
    first = datetime.fromtimestamp(START_NS // 10**9, UTC)
    others = [begin(START_NS % 7 + 10, account_id="other"), begin(day_ns), begin(day_ns * 9)]
    later = [Entry(one, settle(3)) for one in others]
    await apply(db, "gateway-1", [*entries(1, 2), *later])

    since, until = first - timedelta(days=1), first + timedelta(days=2)
    totals = await usage_totals(db, since=since, until=until, account_id="acme")

    model = "accounts/fireworks/models/large"
    today = first.date()
    assert totals == [
        total(model, today, (2, 5, 3, 8)),
        total(model, today + timedelta(days=1), (1, 4, 0, 7)),
    ]
    everyone = await usage_totals(db, since=since, until=until)
    assert [one.account_id for one in everyone] == ["acme", "acme", "other"]


def total(model: str, day: date, counts: tuple[int, int, int, int]) -> UsageTotal:
    num_requests, prompt_tokens, cached_tokens, completion_tokens = counts
    return UsageTotal(
        account_id="acme",
        model=model,
        day=day,
        num_requests=num_requests,
        prompt_tokens=prompt_tokens,
        cached_tokens=cached_tokens,
        completion_tokens=completion_tokens,
    )
