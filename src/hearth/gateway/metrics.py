"""What operators watch: a request touches a handful of counters, kept by label here.

`metrics_page` turns them into Prometheus series, when they are scraped.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from time import perf_counter

from hearth.engines.protocol import Usage
from hearth.errors import AccountSuspended, ApiError, PaymentRequired, RateLimited
from hearth.gateway.generation import Generation
from hearth.kit.histograms import Histogram
from hearth.limits import WINDOWS

FIRST_TOKEN_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SETTLE_BOUNDS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 1.0)
TOKEN_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class Refusal(StrEnum):
    """Why a request was refused by a limit, or for want of knowing one."""

    SPENT = "spent"
    "A budget is used up: 402."
    HELD = "held"
    "What is left of a budget is held by requests that run: 429."
    RATE = "rate"
    "Too many requests or tokens per minute: 429."
    CONCURRENCY = "concurrency"
    "Too many requests at once: 429."
    UNKNOWN = "unknown"
    "The database is away, so nobody knows what is left: 503."
    SUSPENDED = "suspended"
    "The account is suspended: 412."


_BUSY: dict[str, Refusal] = {
    quota_id: Refusal.RATE if window == "minute" else Refusal.CONCURRENCY
    for quota_id, window in WINDOWS.items()
    if window in {"minute", "now"}
}


class Metrics:
    """The counters of one gateway process."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.tokens: Counter[tuple[str, str]] = Counter()
        self.first_token: dict[str, Histogram] = {}
        self.per_token: dict[str, Histogram] = {}
        self.cost_nano: Counter[tuple[str, str]] = Counter()
        self.refusals: Counter[tuple[str, Refusal]] = Counter()
        self.settle = Histogram(SETTLE_BOUNDS_S)

    def count_request(self, path: str, status: int) -> None:
        """A request to a known route was answered."""
        self.requests[path, status] += 1

    def count_cost(self, model: str, unit: str, cost_nano: int) -> None:
        """A request was settled that costs so much; `unit` is what it is priced by."""
        self.cost_nano[model, unit] += cost_nano

    def count_refusal(self, quota_id: str, reason: Refusal) -> None:
        """A request was refused; the quota is empty where it is not one that refuses."""
        self.refusals[quota_id, reason] += 1

    def count_refused(self, error: ApiError) -> None:
        """A request was refused at its admission, by its limits or for want of knowing them."""
        match error:
            case AccountSuspended():
                reason = Refusal.SUSPENDED
            case PaymentRequired():
                reason = Refusal.SPENT
            case RateLimited():
                reason = _BUSY.get(error.limit, Refusal.HELD)
            case _:
                reason = Refusal.UNKNOWN
        self.count_refusal(error.limit, reason)

    def observe_settle(self, seconds: float) -> None:
        """From the last delta of a request until its settle record was written."""
        self.settle.observe(seconds)

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
