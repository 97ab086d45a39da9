"""Rates: buckets that hold a minute's worth and refill evenly, and what this process knows of them.

A request takes its tokens of a bucket of requests before it runs. What it reads and writes is only
known when it ends: it runs while a bucket of tokens is not empty, and what it used is taken then.
So such a bucket may be in debt, which delays the next requests.
"""

from __future__ import annotations

import math

from msgspec import Struct

from hearth.limits.types import Quota, QuotaId

MINUTE_NS = 60 * 10**9
SKEW_NS = MINUTE_NS  # a bucket from further in the future is one whose clock was wrong
CHUNK_PARTS = 16
FRESH_S = 1.0  # what the other gateways used since then is not known
MAX_RETRY_S = 60.0


def refilled(level: float, time_ns: int, now_ns: int, per_minute: int) -> float:
    """What is in a bucket now, that held `level` at a time."""
    return min(float(per_minute), level + max(0, now_ns - time_ns) * per_minute / MINUTE_NS)


def wait_s(level: float, amount: float, per_minute: int) -> float:
    """How long until a bucket holds an amount; at most `MAX_RETRY_S`, after which one may ask."""
    if per_minute == 0 or amount > per_minute:
        return MAX_RETRY_S
    return min(MAX_RETRY_S, max(0.0, (amount - level) * 60 / per_minute))


class RateState(Struct, frozen=True, kw_only=True):
    """What the `x-ratelimit-*` headers say: of each rate, the tightest among the limits set."""

    limit_requests: int | None = None
    remaining_requests: int | None = None
    limit_tokens_prompt: int | None = None
    remaining_tokens_prompt: int | None = None
    limit_tokens_generated: int | None = None
    remaining_tokens_generated: int | None = None
    limit_tokens_uncached: int | None = None
    "Of prompt tokens that came from no cache: `tokens-cache-adjusted-prompt`."
    remaining_tokens_uncached: int | None = None
    is_over_limit: bool = False
    "Above a soft limit: the request runs all the same."


_FIELDS = {
    QuotaId.REQUESTS: "requests",
    QuotaId.PROMPT_TOKENS: "tokens_prompt",
    QuotaId.GENERATED_TOKENS: "tokens_generated",
    QuotaId.UNCACHED_PROMPT_TOKENS: "tokens_uncached",
}


class Meter:
    """One rate, as far as this process knows it.

    `chunk` was taken from the bucket for requests to come; `debit` was used and is not yet taken.
    """

    __slots__ = ("chunk", "debit", "demand", "level", "quota", "seen_s", "time_ns", "used_s")

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self.level = 0.0
        "As the database had it at `time_ns`, without chunk and debit."
        self.time_ns = 0
        self.seen_s = -math.inf
        self.chunk = 0
        self.debit = 0
        self.demand = 0
        self.used_s = 0.0

    @property
    def is_requests(self) -> bool:
        """Whether requests are counted, before they run; else tokens, after."""
        return self.quota.quota_id is QuotaId.REQUESTS

    def estimate(self, now_ns: int) -> float:
        """What is left for everybody, by what is known here."""
        level = refilled(self.level, self.time_ns, now_ns, self.quota.value)
        return level + self.chunk - self.debit

    def covers(self, num_requests: int, now_s: float, now_ns: int, stale_s: float) -> bool:
        """Whether requests may run without a look at the database."""
        if self.is_requests:
            return self.chunk >= num_requests
        return now_s - self.seen_s < stale_s and self.estimate(now_ns) > 0

    def take(self, num_requests: int, now_s: float) -> None:
        """Requests run; the caller has seen that they may."""
        self.used_s = now_s
        if self.is_requests:
            self.chunk -= num_requests
            self.demand += num_requests

    def put_back(self, num_requests: int) -> None:
        """Requests were refused for another reason."""
        if self.is_requests:
            self.chunk += num_requests

    def is_over_soft(self, now_ns: int) -> bool:
        """Whether more was used within the last minute than the soft limit."""
        soft = self.quota.soft_value
        return soft is not None and self.quota.value - self.estimate(now_ns) > soft


def used_of(quota_id: QuotaId, prompt: int, cached: int, generated: int) -> int:
    """How much of a rate a request with these tokens used."""
    amounts = {
        QuotaId.PROMPT_TOKENS: prompt,
        QuotaId.UNCACHED_PROMPT_TOKENS: prompt - cached,
        QuotaId.GENERATED_TOKENS: generated,
    }
    return amounts.get(quota_id, 0)


def state_of(meters: tuple[Meter, ...], now_ns: int) -> RateState | None:
    """What the headers say; None where no rate is limited."""
    if not meters:
        return None
    values: dict[str, int] = {}
    for meter in meters:
        field = _FIELDS[meter.quota.quota_id]
        remaining = max(0, math.floor(meter.estimate(now_ns)))
        if remaining <= values.get(f"remaining_{field}", remaining):
            values[f"remaining_{field}"] = remaining
            values[f"limit_{field}"] = meter.quota.value
    is_over = any(meter.is_over_soft(now_ns) for meter in meters)
    return RateState(is_over_limit=is_over, **values)
