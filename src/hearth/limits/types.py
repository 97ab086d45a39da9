"""Limits: how much an account, a user or a key may spend and how fast it may ask."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from hearth.metering import subjects

__all__ = ["WINDOWS", "Quota", "QuotaId", "Window", "hold_id", "subjects"]

Window = Literal["minute", "day", "month", "total", "now"]
"Days and months are those of UTC; `now` counts what runs at this moment."


class QuotaId(StrEnum):
    """Every limit that can be set, for an account, a user or a key alike.

    The first and the fourth are Fireworks' own names.
    """

    MONTHLY_SPEND = "monthly-spend-usd"
    DAILY_SPEND = "daily-spend-usd"
    TOTAL_SPEND = "total-spend-usd"
    REQUESTS = "serverless-inference-rpm"
    PROMPT_TOKENS = "serverless-inference-prompt-tpm"
    UNCACHED_PROMPT_TOKENS = "serverless-inference-uncached-prompt-tpm"
    GENERATED_TOKENS = "serverless-inference-generated-tpm"
    CONCURRENT_REQUESTS = "serverless-inference-concurrency"
    PREPAID_CREDIT = "prepaid-credit-usd"
    "What a prepaid account has paid in; only credits move it, never the API of quotas."


WINDOWS: dict[QuotaId, Window] = {
    QuotaId.MONTHLY_SPEND: "month",
    QuotaId.DAILY_SPEND: "day",
    QuotaId.TOTAL_SPEND: "total",
    QuotaId.REQUESTS: "minute",
    QuotaId.PROMPT_TOKENS: "minute",
    QuotaId.UNCACHED_PROMPT_TOKENS: "minute",
    QuotaId.GENERATED_TOKENS: "minute",
    QuotaId.CONCURRENT_REQUESTS: "now",
    QuotaId.PREPAID_CREDIT: "total",
}


SPEND_QUOTAS = frozenset(
    {
        QuotaId.MONTHLY_SPEND,
        QuotaId.DAILY_SPEND,
        QuotaId.TOTAL_SPEND,
        QuotaId.PREPAID_CREDIT,
    }
)
"Those whose values are nano-USD."


class Quota(Struct, frozen=True, kw_only=True):
    """A limit that is set."""

    uid: str
    "Short and unique; leases and journals name a limit by it."
    account_id: str
    subject: str
    "`accounts/a`, `accounts/a/users/u` or `accounts/a/users/u/apiKeys/k`: whom it binds."
    quota_id: QuotaId
    value: int
    "Nano-USD, requests or tokens."
    soft_value: int | None = None
    "For rates: above it a request still runs, with `x-ratelimit-over-limit: yes`."


def hold_id(uid: str, window: str) -> str:
    """How journal and leases name one limit in one window, such as `q3f:2026-11`."""
    return f"{uid}:{window}"
