"""`/metrics`: the counters as Prometheus series. Imported at the first scrape, not before."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from hearth.gateway.fleet import Fleet
from hearth.gateway.metrics import Histogram, Metrics
from hearth.metering import Lag

CONTENT_TYPE = CONTENT_TYPE_LATEST


class _Collector:
    """See `prometheus_client.registry.Collector`."""

    def __init__(self, metrics: Metrics, fleet: Fleet, lag: Lag) -> None:
        self._metrics = metrics
        self._fleet = fleet
        self._lag = lag

    def collect(self) -> Iterator[Metric]:
        """Yield every series."""
        requests = CounterMetricFamily(
            "hearth_requests", "Requests answered.", labels=["path", "status"]
        )
        for (path, status), num in self._metrics.requests.items():
            requests.add_metric([path, str(status)], num)
        yield requests
        tokens = CounterMetricFamily("hearth_tokens", "Tokens settled.", labels=["model", "kind"])
        for (model, kind), num in self._metrics.tokens.items():
            tokens.add_metric([model, kind], num)
        yield tokens
        yield _histograms(
            "hearth_time_to_first_token_seconds",
            "From arrival to the first token.",
            self._metrics.first_token,
        )
        yield _histograms(
            "hearth_time_per_token_seconds", "Per token after the first.", self._metrics.per_token
        )
        yield GaugeMetricFamily(
            "hearth_ledger_lag_requests", "Settled, not yet in the ledger.", self._lag.num_requests
        )
        yield GaugeMetricFamily(
            "hearth_ledger_lag_seconds", "Age of the oldest of them.", self._lag.age_s
        )
        yield from self._worker_series()

    def _worker_series(self) -> Iterator[Metric]:
        labels = ["model", "replica"]
        up = GaugeMetricFamily("hearth_worker_up", "Whether a worker is ready.", labels=["address"])
        running = GaugeMetricFamily("hearth_running_sequences", "Being generated.", labels=labels)
        waiting = GaugeMetricFamily("hearth_waiting_sequences", "Without a slot.", labels=labels)
        memory = GaugeMetricFamily("hearth_worker_resident_bytes", "Memory.", labels=labels)
        for channel in self._fleet.channels:
            up.add_metric([channel.address], float(channel.is_ready))
            if channel.hello is None:
                continue
            values = [channel.hello.model, channel.hello.replica_id]
            running.add_metric(values, channel.stats.running)
            waiting.add_metric(values, channel.stats.waiting)
            memory.add_metric(values, channel.stats.resident_bytes)
        yield from (up, running, waiting, memory)


def render(metrics: Metrics, fleet: Fleet, lag: Lag) -> bytes:
    """The page, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Collector(metrics, fleet, lag))
    return generate_latest(registry)


def _histograms(name: str, text: str, histograms: dict[str, Histogram]) -> Metric:
    family = HistogramMetricFamily(name, text, labels=["model"])
    for model, histogram in histograms.items():
        family.add_metric([model], histogram.buckets(), histogram.total)
    return family
