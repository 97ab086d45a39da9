"""Counting durations: one array operation per observation, read only when somebody looks."""

from __future__ import annotations

from bisect import bisect_left


class Histogram:
    """Counts of observations under each bound, and their sum.

    Args:
        bounds: ascending upper bounds; what is above the last one counts too.
    """

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
