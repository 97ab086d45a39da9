"""Why a request is refused: which limit of whom, what is spent and held, and what helps."""

from __future__ import annotations

from hearth.errors import ApiError, PaymentRequired, RateLimited
from hearth.limits.needs import Need
from hearth.limits.types import QuotaId
from hearth.limits.windows import end_ns
from hearth.pricing import format_usd

_NAMES = {
    QuotaId.MONTHLY_SPEND: "monthly spending limit",
    QuotaId.DAILY_SPEND: "daily spending limit",
    QuotaId.TOTAL_SPEND: "total spending limit",
    QuotaId.PREPAID_CREDIT: "prepaid credit",
    QuotaId.CONCURRENT_REQUESTS: "limit of concurrent requests",
    QuotaId.REQUESTS: "limit of requests per minute",
    QuotaId.PROMPT_TOKENS: "limit of prompt tokens per minute",
    QuotaId.UNCACHED_PROMPT_TOKENS: "limit of uncached prompt tokens per minute",
    QuotaId.GENERATED_TOKENS: "limit of generated tokens per minute",
}
RUNNING_RETRY_S = 1.0  # the requests that hold it may end at any moment


def sentence_of(quota_id: QuotaId, subject: str) -> str:
    """A sentence's beginning, such as `The daily spending limit of accounts/a/users/u`."""
    return f"The {_NAMES[quota_id]} of {subject}"


def spent_out(need: Need, *, value: int, spent: int) -> PaymentRequired:
    """What is spent leaves too little, whatever the running requests will cost."""
    limit = sentence_of(need.quota.quota_id, need.quota.subject)
    if need.quota.quota_id is QuotaId.PREPAID_CREDIT:
        remedy = "Ask for less, or add credit."
    elif end_ns(need.window) is None:
        remedy = "Ask for less, or have the limit raised."
    else:
        remedy = "Ask for less, have the limit raised, or wait until the next window (UTC)."
    return PaymentRequired(
        f"{limit} is {format_usd(value)}: {format_usd(spent)} is spent, and this "
        f"request may cost {format_usd(need.amount)}. {remedy}",
        limit=need.quota.quota_id,
    )


def all_held(need: Need, *, value: int, spent: int, held: int) -> ApiError:
    """It would fit, were it not for what the requests that run may still cost."""
    limit = sentence_of(need.quota.quota_id, need.quota.subject)
    if need.is_spend:
        reason = (
            f"is {format_usd(value)}: {format_usd(spent)} is spent, {format_usd(held)} is held for "
            f"requests that run, and this one may cost {format_usd(need.amount)}"
        )
    else:
        reason = f"is {value}, and {held} run now"
    return RateLimited(
        f"{limit} {reason}. Try again when one of them has ended.",
        retry_after_s=RUNNING_RETRY_S,
        limit=need.quota.quota_id,
    )
