"""Sums over rows of the ledger. Interrupted requests owe nothing and are in none of them."""

from __future__ import annotations

from msgspec import Struct


class BillLine(Struct, frozen=True, kw_only=True):
    """Everything of an account that was priced alike, in some time."""

    unit: str
    model: str
    deployment: str
    "Empty: serverless."
    price_version: str
    "Empty: it was not priced."
    price: str
    discount_bp: int
    num_events: int
    prompt_tokens: int
    cached_tokens: int
    "Part of `prompt_tokens`."
    completion_tokens: int
    units: int
    cost_nano: int


class LikeEvents(Struct, frozen=True, kw_only=True):
    """Events that any price book would price alike: same model, same quantities, same discount."""

    unit: str
    model: str
    served_by: str
    deployment: str
    price: str
    "As they were priced; empty: they were not."
    discount_bp: int
    prompt_tokens: int
    "Of each of them, as are the next three."
    cached_tokens: int
    completion_tokens: int
    units: int
    num_events: int
    cost_nano: int
    "Of all of them together, as the ledger has it."


class MinuteTokens(Struct, frozen=True, kw_only=True):
    """The tokens of the requests of one model that began in one minute."""

    minute: int
    "Since the epoch."
    model: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


class TableTotals(Struct, frozen=True, kw_only=True):
    """What an account has ever spent, in nano-USD, as each table has it; they are one number."""

    events: int
    hours: int
    days: int
