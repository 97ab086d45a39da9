"""What operators watch, as Prometheus series; reads of `/metrics` do the work, requests do not.

A request touches a handful of counters, kept by label here and turned into series when scraped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from time import perf_counter

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from hearth.engines.protocol import Usage
from hearth.gateway.fleet import Fleet
from hearth.gateway.generation import Generation

FIRST_TOKEN_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
TOKEN_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class Histogram:
    """Counts of observations under each bound, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Add an observation."""
        self.total += value
        for i, bound in enumerate(self.bounds):
            if value <= bound:
                self.counts[i] += 1
                return
        self.counts[-1] += 1

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper bound, as Prometheus wants them."""
        names = [*map(str, self.bounds), "+Inf"]
        running, buckets = 0, []
        for name, num in zip(names, self.counts, strict=True):
            running += num
            buckets.append((name, float(running)))
        return buckets


class Metrics:
    """The gateway's series; a Prometheus collector."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self._tokens: Counter[tuple[str, str]] = Counter()
        self._first_token: dict[str, Histogram] = {}
        self._per_token: dict[str, Histogram] = {}
        self.fleet: Fleet | None = None
        "Set once it exists; its channels are read at every scrape."

    def count_request(self, path: str, status: int) -> None:
        """A request to a known route was answered."""
        self._requests[path, status] += 1

    def count_tokens(self, model: str, usage: Usage) -> None:
        """A request was settled."""
        self._tokens[model, "prompt"] += usage.prompt_tokens
        self._tokens[model, "cached"] += usage.cached_tokens
        self._tokens[model, "completion"] += usage.completion_tokens

    def observe(self, model: str, generation: Generation) -> None:
        """A generation ended; note how long its first token and each further one took."""
        first_s = generation.first_delta_s
        if first_s is None:
            return
        if model not in self._first_token:
            self._first_token[model] = Histogram(FIRST_TOKEN_BOUNDS_S)
            self._per_token[model] = Histogram(TOKEN_BOUNDS_S)
        self._first_token[model].observe(first_s - generation.started_s)
        num_further = generation.usage().completion_tokens - 1
        if num_further > 0:
            self._per_token[model].observe((perf_counter() - first_s) / num_further)

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client.registry.Collector`."""
        requests = CounterMetricFamily(
            "hearth_requests", "Requests answered.", labels=["path", "status"]
        )
        for (path, status), num in self._requests.items():
            requests.add_metric([path, str(status)], num)
        tokens = CounterMetricFamily("hearth_tokens", "Tokens settled.", labels=["model", "kind"])
        for (model, kind), num in self._tokens.items():
            tokens.add_metric([model, kind], num)
        yield requests
        yield tokens
        yield _family("hearth_time_to_first_token_seconds", "Until the first token.",
                      self._first_token)  # fmt: skip
        yield _family("hearth_time_per_token_seconds", "Per token after the first.",
                      self._per_token)  # fmt: skip
        yield from self._worker_series()

    def _worker_series(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("hearth_worker_up", "Whether a worker is ready.", labels=["address"])
        labels = ["model", "replica"]
        running = GaugeMetricFamily("hearth_running_sequences", "Being generated.", labels=labels)
        waiting = GaugeMetricFamily(
            "hearth_waiting_sequences", "Waiting for a slot.", labels=labels
        )
        memory = GaugeMetricFamily("hearth_worker_resident_bytes", "Memory.", labels=labels)
        for channel in self.fleet.channels if self.fleet else ():
            up.add_metric([channel.address], float(channel.is_ready))
            if channel.hello is None:
                continue
            values = [channel.hello.model, channel.hello.replica_id]
            running.add_metric(values, channel.stats.running)
            waiting.add_metric(values, channel.stats.waiting)
            memory.add_metric(values, channel.stats.resident_bytes)
        return up, running, waiting, memory


def _family(name: str, text: str, histograms: dict[str, Histogram]) -> Metric:
    family = HistogramMetricFamily(name, text, labels=["model"])
    for model, histogram in histograms.items():
        family.add_metric([model], histogram.buckets(), histogram.total)
    return family
