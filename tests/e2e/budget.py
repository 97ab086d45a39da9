"""The total spending limit of a running Hearth's dev key, and what is made of it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from itertools import cycle

import httpx

from hearth.kit.db import Database
from hearth.limits import QuotaId, QuotaService, subjects
from hearth.pricing import NANO
from tests.e2e.accounting import Query
from tests.gateway.test_chat import ASK, MODEL

LEASE_LIMIT_S = 25.0  # a lease of 15 s, 5 s in which nobody is taken for dead, and some for us
PRICE = 200  # nano-USD a token, of the model that is asked; see the book of prices
_MAY_COST = re.compile(r"this request may cost \$([\d.]+)\.")


class Budget:
    """One key's limit.

    Args:
        query: of the database, in which the key has been used.
        url: of the same database.
    """

    def __init__(self, query: Query, url: str) -> None:
        ((account, user, key),) = query(
            "SELECT DISTINCT account_id, user_id, key_id FROM usage_events"
        )
        self._query = query
        self._url = url
        self._subjects = subjects(account, user, key)

    def set(self, nano: int) -> None:
        """Set or change it."""

        async def put() -> None:
            db = Database(self._url)
            service = QuotaService(db)
            await service.set(self._subjects[-1], QuotaId.TOTAL_SPEND, nano)
            await db.close()

        asyncio.run(put())

    @property
    def spent(self) -> int:
        """By the ledger, where rows and sums agree for everyone whom a limit may bind."""
        # One statement, which sees one state, whatever is being written.
        sums = self._query(
            "SELECT (SELECT COALESCE(SUM(cost_nano), 0) FROM usage_events), subject, "
            "SUM(cost_nano) FROM spend_days GROUP BY subject"
        )
        by_subject = {subject: int(nano) for _, subject, nano in sums}
        rows = int(sums[0][0])
        assert {each: by_subject[each] for each in self._subjects} == dict.fromkeys(
            self._subjects, rows
        )
        return rows

    def wait_until_nothing_is_held(self) -> None:
        """Every reservation ends, whoever died."""
        deadline = time.monotonic() + LEASE_LIMIT_S
        while held := self._query("SELECT instance, hold_id, amount FROM leases WHERE amount > 0"):
            assert time.monotonic() < deadline, f"still held: {held}"
            time.sleep(0.2)  # between two looks

    def assert_prices(self) -> None:
        """Every row costs its tokens; what was interrupted costs nothing."""
        wrong = self._query(
            f"SELECT request_id FROM usage_events WHERE model = '{MODEL}' "
            "AND cost_nano <> CASE outcome WHEN 'interrupted' THEN 0 "
            f"ELSE {PRICE} * (prompt_tokens + completion_tokens) END"
        )
        assert wrong == []


def spend_all(urls: Sequence[str], key: str) -> int:
    """Make the smallest requests, at each gateway in turn, until none is covered by the budget.

    Returns what the last one, which was refused, may have cost at most.
    """
    deadline = time.monotonic() + 3 * LEASE_LIMIT_S
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(headers=headers, timeout=LEASE_LIMIT_S) as client:
        for url in cycle(urls):
            assert time.monotonic() < deadline, "the budget does not end"
            answer = client.post(f"{url}/v1/chat/completions", json=ASK | {"max_tokens": 1})
            if answer.status_code == 402:
                found = _MAY_COST.search(answer.json()["error"]["message"])
                assert found, answer.text
                return round(float(found.group(1)) * NANO)
            assert answer.status_code in {200, 429}, answer.text
    raise AssertionError
