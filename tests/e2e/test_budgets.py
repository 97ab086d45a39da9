"""One key's small budget, spent by many clients at four gateways: never a nano-dollar more, and
in the end all of it.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from hearth.pricing import NANO
from tests.e2e.accounting import (
    assert_nothing_lost_or_doubled,
    postgres_query,
    sqlite_query,
    wait_for_rows,
)
from tests.e2e.budget import Budget, spend_all
from tests.e2e.crowd import Crowd, crowded
from tests.e2e.gateways import running_gateways
from tests.running import running_hearth

NUM_GATEWAYS = 4
LIMIT = NANO // 100
"One cent: some 1,500 requests of the crowd."
LIMIT_S = 120.0


def wait_for_refusals(crowd: Crowd, num: int) -> None:
    """Wait until so many more requests were refused because the budget is spent."""

    def refused() -> int:
        return sum(n for (status, _), n in crowd.seen.refused.items() if status == 402)

    target, deadline = refused() + num, time.monotonic() + LIMIT_S
    while refused() < target:
        assert time.monotonic() < deadline, f"the budget does not end: {crowd.seen}"
        threading.Event().wait(0.05)


@pytest.mark.parametrize("num_clients", [48, pytest.param(256, marks=pytest.mark.slow)])
def test_a_budget_is_never_overspent_and_all_of_it_can_be_spent(
    tmp_path: Path, db_url: str, dialect: str, num_clients: int
) -> None:
    url = db_url if dialect == "postgresql" else f"sqlite:///{tmp_path}/state.db"
    query = postgres_query(url) if dialect == "postgresql" else sqlite_query(tmp_path)
    with (
        running_hearth(tmp_path, database_url=url) as hearth,
        running_gateways(tmp_path, num=NUM_GATEWAYS, database_url=url) as gateways,
    ):
        key, urls = hearth.credentials["api_key"], [each.url for each in gateways]
        while not query("SELECT 1 FROM usage_events"):  # the welcome's request tells the key's id
            threading.Event().wait(0.05)
        budget = Budget(query, url)
        budget.set(LIMIT)

        for limit in (LIMIT, 2 * LIMIT):  # once it is raised, all of it can be used again
            budget.set(limit)
            with crowded(urls, key, num_clients=num_clients) as crowd:
                wait_for_refusals(crowd, num_clients)
                assert budget.spent <= limit
            may_cost = spend_all(urls, key)
            wait_for_rows(query, set(crowd.seen.finished))
            budget.wait_until_nothing_is_held()

            assert limit - may_cost < budget.spent <= limit
            assert all("may cost" in reason for _, reason in crowd.seen.refused)
            assert not crowd.seen.unavailable
            assert crowd.seen.num_left > 0, "nobody hung up"
            budget.assert_prices()
            num_more = len(query("SELECT 1 FROM usage_events"))  # the small ones, and before
            assert_nothing_lost_or_doubled(query, crowd.seen, extra=num_more)
