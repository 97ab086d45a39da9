"""The series of money, from what is counted to the page that Prometheus reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hearth.errors import AccountSuspended, ApiError, PaymentRequired, RateLimited, Unavailable
from hearth.gateway.fleet import Fleet
from hearth.gateway.metrics import Metrics, Refusal
from hearth.gateway.metrics_page import Books, Money, Watched, render
from hearth.kit.db import Database
from hearth.limits import Budgets, FullBudgets, QuotaId, UsedBudget
from hearth.metering import Applier, Journal
from tests.metering.records import begin

Labels = tuple[str, ...]


async def nobody(model: str) -> None:
    """Asks no controller for a model."""


class Page:
    """A gateway's page, and what it is made from."""

    def __init__(self, journal: Journal, applier: Applier) -> None:
        self.metrics = Metrics()
        self.journal = journal
        self.budgets = Budgets()
        self.price_version = ""
        self._books = Books(journal=journal, applier=applier)
        self._fleet = Fleet(nobody, max_queued=1, wait_s=1.0)

    def values(self, name: str) -> dict[Labels, float]:
        """The value of each series of that name, by the values of its labels, sorted by name."""
        money = Money(holdings=None, budgets=self.budgets, price_version=self.price_version)
        watched = Watched(metrics=self.metrics, fleet=self._fleet, books=self._books, money=money)
        return {
            tuple(sample.labels.values()): sample.value
            for family in text_string_to_metric_families(render(watched).decode())
            for sample in family.samples
            if sample.name == name
        }


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    journal = Journal(tmp_path)
    applier = Applier(journal, Database(f"sqlite:///{tmp_path}/state.db"))
    yield Page(journal, applier)
    await applier.close()


async def test_costs_add_up_by_model_and_unit(page: Page) -> None:
    for cost_nano in (1, 2**53 // 2):
        page.metrics.count_cost("accounts/a/models/m", "tokens", cost_nano)
    page.metrics.count_cost("accounts/a/models/m", "embedding_tokens", 7)

    assert page.values("hearth_cost_nano_usd_total") == {
        ("accounts/a/models/m", "tokens"): 2**52 + 1,
        ("accounts/a/models/m", "embedding_tokens"): 7,
    }


async def test_every_kind_of_refusal_is_there_before_the_first_one(page: Page) -> None:
    refusals = page.values("hearth_refusals_total")

    assert set(refusals.values()) == {0}
    assert {quota_id for quota_id, _ in refusals} == {*QuotaId, ""}
    assert {reason for _, reason in refusals} == set(Refusal)


async def test_refusals_are_counted_by_limit_and_reason(page: Page) -> None:
    page.metrics.count_refusal(QuotaId.DAILY_SPEND, Refusal.SPENT)
    page.metrics.count_refusal(QuotaId.DAILY_SPEND, Refusal.SPENT)
    page.metrics.count_refusal(QuotaId.REQUESTS, Refusal.RATE)
    page.metrics.count_refusal("", Refusal.UNKNOWN)

    refusals = page.values("hearth_refusals_total")

    assert {labels: num for labels, num in refusals.items() if num} == {
        ("daily-spend-usd", "spent"): 2,
        ("serverless-inference-rpm", "rate"): 1,
        ("", "unknown"): 1,
    }


@pytest.mark.parametrize(
    ("error", "labels"),
    [
        (PaymentRequired("", limit=QuotaId.TOTAL_SPEND), ("total-spend-usd", "spent")),
        (RateLimited("", limit=QuotaId.MONTHLY_SPEND), ("monthly-spend-usd", "held")),
        (RateLimited("", limit=QuotaId.REQUESTS), ("serverless-inference-rpm", "rate")),
        (
            RateLimited("", limit=QuotaId.CONCURRENT_REQUESTS),
            ("serverless-inference-concurrency", "concurrency"),
        ),
        (Unavailable(""), ("", "unknown")),
        (AccountSuspended(""), ("", "suspended")),
    ],
)
async def test_an_error_tells_why_it_refuses(page: Page, error: ApiError, labels: Labels) -> None:
    page.metrics.count_refused(error)

    refusals = page.values("hearth_refusals_total")

    assert [key for key, num in refusals.items() if num] == [labels]


async def test_settles_are_a_histogram(page: Page) -> None:
    for seconds in (0.00005, 0.0004, 2.0):
        page.metrics.observe_settle(seconds)

    buckets = page.values("hearth_settle_seconds_bucket")

    assert (buckets["0.0001",], buckets["0.0005",], buckets["1.0",]) == (1, 2, 2)
    assert buckets["+Inf",] == 3
    assert page.values("hearth_settle_seconds_sum")[()] == pytest.approx(2.00045)


async def test_open_requests_are_those_of_the_journal(page: Page) -> None:
    page.journal.begin(begin(1))

    assert page.values("hearth_open_requests") == {(): 1}
    assert page.values("hearth_journal_refusing") == {(): 0}


async def test_budgets_are_counted_and_named_as_they_were_read(page: Page) -> None:
    quota_id = QuotaId.MONTHLY_SPEND
    page.budgets = Budgets(
        full=(FullBudgets(quota_id=quota_id, counts=(4, 3, 2, 1)),),
        fullest=(UsedBudget(account_id="acme", quota_id=quota_id, share=1.25),),
    )

    assert page.values("hearth_budgets") == {
        ("0.5", "monthly-spend-usd"): 4,
        ("0.8", "monthly-spend-usd"): 3,
        ("0.9", "monthly-spend-usd"): 2,
        ("1.0", "monthly-spend-usd"): 1,
    }
    assert page.values("hearth_budget_used_ratio") == {("acme", "monthly-spend-usd"): 1.25}


async def test_the_price_book_is_named_where_there_is_one(page: Page) -> None:
    assert page.values("hearth_price_book_info") == {}

    page.price_version = "2026-11"

    assert page.values("hearth_price_book_info") == {("2026-11",): 1}
