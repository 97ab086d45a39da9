"""What operators watch: a request touches a handful of counters, kept by label here.

`metrics_page` turns them into Prometheus series, when they are scraped.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from time import perf_counter

from hearth.engines.protocol import Usage
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
        self.counts[bisect_left(self.bounds, value)] += 1

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper bound, as Prometheus wants them."""
        names = [*map(str, self.bounds), "+Inf"]
        running, buckets = 0, []
        for name, num in zip(names, self.counts, strict=True):
            running += num
            buckets.append((name, float(running)))
        return buckets


class Metrics:
    """The counters of one gateway process."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.tokens: Counter[tuple[str, str]] = Counter()
        self.first_token: dict[str, Histogram] = {}
        self.per_token: dict[str, Histogram] = {}

    def count_request(self, path: str, status: int) -> None:
        """A request to a known route was answered."""
        self.requests[path, status] += 1

    def count(self, model: str, usage: Usage, generation: Generation) -> None:
        """A request was settled: its tokens, and how long the first and each further one took."""
        tokens = self.tokens
        tokens[model, "prompt"] += usage.prompt_tokens
        tokens[model, "cached"] += usage.cached_tokens
        tokens[model, "completion"] += usage.completion_tokens
        first_s = generation.first_delta_s
        if first_s is None:
            return
        if model not in self.first_token:
            self.first_token[model] = Histogram(FIRST_TOKEN_BOUNDS_S)
            self.per_token[model] = Histogram(TOKEN_BOUNDS_S)
        self.first_token[model].observe(first_s - generation.started_s)
        num_further = usage.completion_tokens - 1
        if num_further > 0:
            self.per_token[model].observe((perf_counter() - first_s) / num_further)
