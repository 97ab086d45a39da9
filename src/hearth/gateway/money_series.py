"""The series of money on the metrics page: costs, limits, and the way into the ledger.

Amounts are nano-USD. Series that count refusals exist from the start, at zero, so that the first
refusal is seen as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from hearth.gateway.metrics import Metrics, Refusal
from hearth.kit.histograms import Histogram
from hearth.limits import THRESHOLDS, WINDOWS, Budgets, Holdings, Window
from hearth.metering import Lag, LedgerClock, Pace

_REASONS: dict[Window, tuple[Refusal, ...]] = {
    "minute": (Refusal.RATE,),
    "now": (Refusal.CONCURRENCY,),
    "day": (Refusal.SPENT, Refusal.HELD),
    "month": (Refusal.SPENT, Refusal.HELD),
    "total": (Refusal.SPENT, Refusal.HELD),
}
_WITHOUT_QUOTA = (Refusal.UNKNOWN, Refusal.SUSPENDED)


class _Journal(Protocol):
    clock: LedgerClock

    @property
    def num_open(self) -> int: ...
    @property
    def is_failing(self) -> bool: ...


class _Applier(Protocol):
    pace: Pace

    @property
    def lag(self) -> Lag: ...


@dataclass(frozen=True, kw_only=True)
class Books:
    """The journal of this gateway, and what brings it into the ledger."""

    journal: _Journal
    applier: _Applier


@dataclass(frozen=True, kw_only=True)
class Money:
    """What is told of limits and prices."""

    holdings: Holdings | None
    "None: nothing limits anybody here."
    budgets: Budgets
    price_version: str
    "The price book in force for accounts without one of their own; empty: nothing is priced."


def money_series(metrics: Metrics, money: Money) -> Iterator[Metric]:
    """Costs, refusals, leases, budgets and prices."""
    cost = CounterMetricFamily(
        "hearth_cost_nano_usd", "Cost settled, in nano-USD.", labels=["model", "unit"]
    )
    for (model, unit), cost_nano in metrics.cost_nano.items():
        cost.add_metric([model, unit], cost_nano)
    yield cost
    yield _refusals(metrics)
    yield from _leases(money.holdings)
    yield from _budgets(money.budgets)
    book = GaugeMetricFamily("hearth_price_book_info", "The one in force.", labels=["version"])
    if money.price_version:
        book.add_metric([money.price_version], 1)
    yield book


def ledger_series(metrics: Metrics, books: Books) -> Iterator[Metric]:
    """From the last token of a request to its row in the ledger."""
    lag, pace = books.applier.lag, books.applier.pace
    yield _histogram(
        "hearth_settle_seconds", "From the last delta to its record written.", metrics.settle
    )
    yield GaugeMetricFamily(
        "hearth_journal_refusing", "Whether its disk refuses writes.", books.journal.is_failing
    )
    yield GaugeMetricFamily(
        "hearth_billing_clock_behind_seconds",
        "How long billing time stands still, the clock having been set back.",
        books.journal.clock.behind_s,
    )
    yield GaugeMetricFamily(
        "hearth_ledger_lag_requests", "Settled, not yet in the ledger.", lag.num_requests
    )
    yield GaugeMetricFamily("hearth_ledger_lag_seconds", "Age of the oldest of them.", lag.age_s)
    yield CounterMetricFamily(
        "hearth_ledger_requests", "Requests brought into the ledger.", pace.num_requests
    )
    yield CounterMetricFamily(
        "hearth_ledger_errors", "Attempts to write the ledger that failed.", pace.num_errors
    )
    yield _histogram(
        "hearth_ledger_apply_seconds", "Of each transaction of the ledger.", pace.batch_s
    )


def by_model(name: str, text: str, histograms: dict[str, Histogram]) -> Metric:
    """A histogram for each model."""
    family = HistogramMetricFamily(name, text, labels=["model"])
    for model, histogram in histograms.items():
        family.add_metric([model], histogram.buckets(), histogram.total)
    return family


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    return HistogramMetricFamily(name, text, buckets=histogram.buckets(), sum_value=histogram.total)


def _refusals(metrics: Metrics) -> Metric:
    known = [(quota, each) for quota, window in WINDOWS.items() for each in _REASONS[window]]
    counts: dict[tuple[str, Refusal], int] = dict.fromkeys(known, 0)
    counts |= {("", reason): 0 for reason in _WITHOUT_QUOTA}
    family = CounterMetricFamily(
        "hearth_refusals", "Requests refused by a limit.", labels=["quota", "reason"]
    )
    for (quota_id, reason), num in (counts | metrics.refusals).items():
        family.add_metric([quota_id, reason], num)
    return family


def _leases(holdings: Holdings | None) -> Iterator[Metric]:
    amounts = holdings.amounts() if holdings is not None else {}
    family = GaugeMetricFamily(
        "hearth_lease",
        "What this gateway holds of limits: nano-USD, or requests for concurrency.",
        labels=["quota", "state"],
    )
    for quota_id, window in WINDOWS.items():
        if window == "minute":
            continue
        found = amounts.get(quota_id)
        for state in ("free", "held", "unapplied"):
            family.add_metric([quota_id, state], 0 if found is None else getattr(found, state))
    yield family
    expiry = GaugeMetricFamily(
        "hearth_lease_expires_seconds", "Until what is held may not be given out."
    )
    if holdings is not None and holdings.expires_in_s is not None:
        expiry.add_metric([], holdings.expires_in_s)
    yield expiry


def _budgets(budgets: Budgets) -> Iterator[Metric]:
    counts = GaugeMetricFamily(
        "hearth_budgets",
        "Budgets of which at least this share is spent.",
        labels=["quota", "at_least"],
    )
    for kind in budgets.full:
        for threshold, num in zip(THRESHOLDS, kind.counts, strict=True):
            counts.add_metric([kind.quota_id, str(threshold)], num)
    yield counts
    shares = GaugeMetricFamily(
        "hearth_budget_used_ratio",
        "Of the fullest budgets of accounts, as many as HEARTH_METRICS_ACCOUNTS.",
        labels=["account", "quota"],
    )
    for budget in budgets.fullest:
        shares.add_metric([budget.account_id, budget.quota_id], budget.share)
    yield shares
