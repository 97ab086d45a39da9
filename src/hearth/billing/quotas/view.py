"""Limits as the control plane writes and reads them.

Fireworks counts spending limits in whole dollars. Here a limit may be a cent, so `value` may have
decimals, and `amount` says the same as Money.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from hearth.billing.money import Money, dollars, from_money, read_dollars, to_money
from hearth.errors import InvalidRequest
from hearth.limits import SPEND_QUOTAS, Quota, QuotaId, Usage
from hearth.pricing import NANO

Number = str | int | float
_MAX_RATE = 10**12
_MAX_SPEND = 1_000_000_000 * NANO


class QuotaView(Struct, frozen=True, kw_only=True, rename="camel"):
    """A limit as it stands now."""

    name: str
    value: str
    max_value: str
    usage: float
    "Spent in its window, in dollars; of rates, 0."
    amount: Money | UnsetType = UNSET
    "The value, of limits on spending."
    usage_amount: Money | UnsetType = UNSET
    "What was spent, exactly."
    reserved_amount: Money | UnsetType = UNSET
    "What gateways hold for requests that run."
    soft_value: str | UnsetType = UNSET


class QuotaChange(Struct, frozen=True, kw_only=True, rename="camel"):
    """What may be changed of a limit."""

    value: Annotated[str, Meta(max_length=40)] | int | float | UnsetType = UNSET
    amount: Money | UnsetType = UNSET
    soft_value: Annotated[str, Meta(max_length=40)] | int | UnsetType = UNSET


def view(usage: Usage) -> QuotaView:
    """A limit as it is sent."""
    quota = usage.quota
    is_spend = quota.quota_id in SPEND_QUOTAS
    maximum = _MAX_SPEND if is_spend else _MAX_RATE
    soft = UNSET if quota.soft_value is None else _write(quota, quota.soft_value)
    return QuotaView(
        name=f"{quota.subject}/quotas/{quota.quota_id}",
        value=_write(quota, quota.value),
        max_value=_write(quota, maximum),
        usage=usage.spent / NANO if is_spend else 0.0,
        amount=to_money(quota.value) if is_spend else UNSET,
        usage_amount=to_money(usage.spent) if is_spend else UNSET,
        reserved_amount=to_money(usage.leased) if is_spend else UNSET,
        soft_value=soft,
    )


def read_value(quota_id: QuotaId, change: QuotaChange) -> int:
    """The value that a change asks for: nano-USD, requests or tokens.

    Raises:
        InvalidRequest: there is none, it is given twice, or it cannot be.
    """
    if change.amount is not UNSET:
        if change.value is not UNSET or quota_id not in SPEND_QUOTAS:
            raise InvalidRequest(
                "amount: it stands in place of value, for limits on spending.", param="amount"
            )
        return _within(quota_id, from_money(change.amount, param="amount"), "amount")
    if change.value is UNSET:
        raise InvalidRequest("value: say what the limit is.", param="value")
    return _read(quota_id, change.value, "value")


def read_soft_value(quota_id: QuotaId, change: QuotaChange) -> int | None:
    """The soft value that a change asks for; raises `InvalidRequest`."""
    if change.soft_value is UNSET:
        return None
    return _read(quota_id, change.soft_value, "softValue")


def _read(quota_id: QuotaId, number: Number, param: str) -> int:
    text = str(number)
    if quota_id in SPEND_QUOTAS:
        return _within(quota_id, read_dollars(text, param=param), param)
    if not (text.lstrip("-").isascii() and text.lstrip("-").isdecimal() and len(text) < 20):
        raise InvalidRequest(f"{param}: write a whole number, not {text[:40]!r}.", param=param)
    return _within(quota_id, int(text), param)


def _within(quota_id: QuotaId, value: int, param: str) -> int:
    maximum = _MAX_SPEND if quota_id in SPEND_QUOTAS else _MAX_RATE
    if not 0 <= value <= maximum:
        most = f"${_MAX_SPEND // NANO}" if quota_id in SPEND_QUOTAS else str(_MAX_RATE)
        raise InvalidRequest(f"{param}: it must lie between 0 and {most}.", param=param)
    return value


def _write(quota: Quota, value: int) -> str:
    if quota.quota_id not in SPEND_QUOTAS:
        return str(value)
    return str(value // NANO) if value % NANO == 0 else dollars(value)
