"""`/metrics`: the counters as Prometheus series. Imported at the first scrape, not before.

The page needs no key, so it names models and replicas, and accounts only if the operator asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from hearth import __version__
from hearth.gateway.fleet import Fleet
from hearth.gateway.metrics import Metrics
from hearth.gateway.money_series import (
    Books,
    Money,
    by_model,
    ledger_series,
    money_series,
)

__all__ = ["CONTENT_TYPE", "Books", "Money", "Watched", "render"]

CONTENT_TYPE = CONTENT_TYPE_LATEST


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What the page tells of."""

    metrics: Metrics
    fleet: Fleet
    books: Books
    money: Money


class _Collector:
    """See `prometheus_client.registry.Collector`."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def collect(self) -> Iterator[Metric]:
        """Yield every series."""
        watched = self._watched
        build = GaugeMetricFamily("hearth_build_info", "Which Hearth this is.", labels=["version"])
        build.add_metric([__version__], 1)
        yield build
        yield from _traffic_series(watched.metrics)
        yield GaugeMetricFamily(
            "hearth_open_requests",
            "Begun and not settled yet.",
            watched.books.journal.num_open,
        )
        yield from money_series(watched.metrics, watched.money)
        yield from ledger_series(watched.metrics, watched.books)
        yield from _worker_series(watched.fleet)


def _traffic_series(metrics: Metrics) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "hearth_requests", "Requests answered.", labels=["path", "status"]
    )
    for (path, status), num in metrics.requests.items():
        requests.add_metric([path, str(status)], num)
    yield requests
    tokens = CounterMetricFamily("hearth_tokens", "Tokens settled.", labels=["model", "kind"])
    for (model, kind), num in metrics.tokens.items():
        tokens.add_metric([model, kind], num)
    yield tokens
    yield by_model(
        "hearth_time_to_first_token_seconds",
        "From arrival to the first token.",
        metrics.first_token,
    )
    yield by_model("hearth_time_per_token_seconds", "Per token after the first.", metrics.per_token)


def _worker_series(fleet: Fleet) -> Iterator[Metric]:
    labels = ["model", "replica"]
    up = GaugeMetricFamily("hearth_worker_up", "Whether a worker is ready.", labels=["address"])
    running = GaugeMetricFamily("hearth_running_sequences", "Being generated.", labels=labels)
    waiting = GaugeMetricFamily("hearth_waiting_sequences", "Without a slot.", labels=labels)
    memory = GaugeMetricFamily("hearth_worker_resident_bytes", "Memory.", labels=labels)
    for channel in fleet.channels:
        up.add_metric([channel.address], float(channel.is_ready))
        if channel.hello is None:
            continue
        values = [channel.hello.model, channel.hello.replica_id]
        running.add_metric(values, channel.stats.running)
        waiting.add_metric(values, channel.stats.waiting)
        memory.add_metric(values, channel.stats.resident_bytes)
    yield from (up, running, waiting, memory)


def render(watched: Watched) -> bytes:
    """The page, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Collector(watched))
    return generate_latest(registry)
