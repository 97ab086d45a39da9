"""The books of an account at this instant, by double entry.

In each section every amount is posted once as a debit and once as a credit, and the two sides come
from different tables: where rows were lost, doubled or edited, the section no longer balances.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from hearth.billing import store
from hearth.billing.invoices.months import account_statements
from hearth.billing.money import Money, to_money
from hearth.billing.types import Entry, EntryKind, Mode
from hearth.kit.db import Connection, Database
from hearth.limits import SPEND_QUOTAS, QuotaId, QuotaService, Usage, list_quotas
from hearth.metering import table_totals


class Posting(Struct, frozen=True, kw_only=True, rename="camel"):
    """An amount on one side of a ledger account."""

    account: str
    source: str
    "The table that says so."
    debit: Money
    credit: Money


class Section(Struct, frozen=True, kw_only=True, rename="camel"):
    """Postings whose debits equal their credits."""

    name: str
    postings: tuple[Posting, ...]
    balanced: bool


class TrialBalance(Struct, frozen=True, kw_only=True, rename="camel"):
    """All sections of an account."""

    name: str
    sections: tuple[Section, ...]
    balanced: bool


class _Posted(Struct, frozen=True):
    account: str
    source: str
    nano: int
    "Above 0 a debit, below 0 a credit."


async def trial_balance(db: Database, quotas: QuotaService, account_id: str) -> TrialBalance:
    """The books of an account; each section is read in one moment."""
    set_limits = await quotas.list(account_id)
    limits = [await quotas.usage(each) for each in set_limits if each.quota_id in SPEND_QUOTAS]
    async with db.read() as conn:
        sections = [
            await _usage(conn, account_id),
            await _receivables(conn, account_id),
            *await _credit_limit(conn, account_id),
            *map(_limit, limits),
        ]
    return TrialBalance(
        name=f"accounts/{account_id}",
        sections=tuple(sections),
        balanced=all(section.balanced for section in sections),
    )


async def _usage(conn: Connection, account_id: str) -> Section:
    totals = await table_totals(conn, account_id)
    return _section(
        "usage",
        [
            _Posted("usage by hour", "usage_hours", totals.hours),
            _Posted("usage by event", "usage_events", -totals.events),
        ],
    )


async def _receivables(conn: Connection, account_id: str) -> Section:
    """What was used is owed, was adjusted, or was paid from credit."""
    totals = await table_totals(conn, account_id)
    months = await account_statements(conn, account_id)
    entries = await store.list_entries(conn, account_id, until_ns=2**63 - 1)
    given = (EntryKind.CREDIT, EntryKind.REDEMPTION)
    return _section(
        "receivables",
        [
            _Posted("owed on invoices", "spend_days", sum(month.due for month in months)),
            _Posted("credit given", "credit_entries", _total(entries, *given)),
            _Posted("adjustments", "credit_entries", _total(entries, EntryKind.ADJUSTMENT)),
            _Posted("credit left", "spend_days", -(months[-1].credit_left if months else 0)),
            _Posted("usage by event", "usage_events", -totals.events),
        ],
    )


async def _credit_limit(conn: Connection, account_id: str) -> list[Section]:
    """What a prepaid account may spend in all is what its entries add up to."""
    account = await store.get_account(conn, account_id)
    if account.mode is not Mode.PREPAID:
        return []
    entries = await store.sum_entries(conn, account_id)
    subject = f"accounts/{account_id}"
    limits = await list_quotas(conn, subject=subject, quota_id=QuotaId.PREPAID_CREDIT.value)
    value = sum(limit.value for limit in limits)
    return [
        _section(
            "prepaid credit",
            [
                _Posted("credit entries", "credit_entries", entries),
                _Posted("limit of credit", "quotas", -value),
            ],
        )
    ]


def _limit(usage: Usage) -> Section:
    """A limit is spent, reserved for requests, or free; lowered below that, it is exceeded."""
    quota = usage.quota
    free = quota.value - usage.spent - usage.leased
    postings = [
        _Posted("limit", "quotas", quota.value),
        _Posted("spent", "spend_days", -usage.spent),
        _Posted("reserved", "leases", -usage.leased),
        _Posted("free" if free >= 0 else "exceeded", "quotas", -free),
    ]
    return _section(f"{quota.subject}/quotas/{quota.quota_id}", postings)


def _section(name: str, posted: Iterable[_Posted]) -> Section:
    posted = tuple(posted)
    return Section(
        name=name,
        postings=tuple(
            Posting(
                account=each.account,
                source=each.source,
                debit=to_money(max(each.nano, 0)),
                credit=to_money(max(-each.nano, 0)),
            )
            for each in posted
        ),
        balanced=sum(each.nano for each in posted) == 0,
    )


def _total(entries: Iterable[Entry], *kinds: EntryKind) -> int:
    return sum(entry.amount_nano for entry in entries if entry.kind in kinds)
