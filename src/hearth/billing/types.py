"""What accounts owe and own beside their usage."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct


class Mode(StrEnum):
    """How an account pays."""

    POSTPAID = "postpaid"
    "By invoice, after the month."
    PREPAID = "prepaid"
    "From credit: when none is left, requests are refused."


class SuspendState(StrEnum):
    """Why an account may not go on, in Fireworks' words."""

    UNSUSPENDED = "UNSUSPENDED"
    FAILED_PAYMENTS = "FAILED_PAYMENTS"
    "Set by an operator."
    BLOCKED_BY_ABUSE_RULE = "BLOCKED_BY_ABUSE_RULE"
    "Set by an operator."
    MONTHLY_SPEND_LIMIT_EXCEEDED = "MONTHLY_SPEND_LIMIT_EXCEEDED"
    "Derived: what was spent this month has reached the limit."
    CREDIT_DEPLETED = "CREDIT_DEPLETED"
    "Derived: a prepaid account has spent its credit."


SETTABLE = (SuspendState.FAILED_PAYMENTS, SuspendState.BLOCKED_BY_ABUSE_RULE)
"What an operator may set; the others follow from limits."


class EntryKind(StrEnum):
    """Why a credit entry exists."""

    CREDIT = "credit"
    "An operator granted it."
    REDEMPTION = "redemption"
    "A credit code was redeemed."
    ADJUSTMENT = "adjustment"
    "An operator corrected a bill; positive in the customer's favour."
    OPENING = "opening"
    "The account turned prepaid: what it owes on invoices is no longer counted against credit."


class BillingAccount(Struct, frozen=True, kw_only=True):
    """How an account pays, and whether an operator stopped it."""

    account_id: str
    mode: Mode = Mode.POSTPAID
    suspend_state: SuspendState = SuspendState.UNSUSPENDED


class Movement(NamedTuple):
    """A credit entry that is about to be made."""

    kind: EntryKind
    amount_nano: int
    reason: str
    principal: str
    "Who does it: `operator`, or a user by full name."


class Entry(Struct, frozen=True, kw_only=True):
    """One movement of credit; never changed, never removed."""

    id: str
    account_id: str
    time_ns: int
    kind: EntryKind
    amount_nano: int
    reason: str
    principal: str


class Redemption(Struct, frozen=True, kw_only=True):
    """A credit code that an account redeemed; of the code itself only a digest is kept."""

    digest: str
    time_ns: int
    amount_nano: int


class Issued(Struct, frozen=True, kw_only=True):
    """What is kept of an invoice that was issued; the rest is computed again from the ledger."""

    account_id: str
    month: str
    issue_time_ns: int
    total_nano: int
    sha256: str
    "Of its JSON form."
