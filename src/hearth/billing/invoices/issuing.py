"""Invoices of an account: computed whenever somebody looks, fixed when they are issued."""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec

from hearth.accounts import Actor, AuditEntry, record
from hearth.billing import store
from hearth.billing.invoices.document import (
    BookOf,
    Invoice,
    InvoiceHead,
    InvoiceState,
    build,
    head,
)
from hearth.billing.invoices.months import account_statements
from hearth.billing.invoices.statement import Statement, nothing
from hearth.billing.money import dollars
from hearth.billing.times import Span, month_of, month_span
from hearth.billing.types import EntryKind, Issued
from hearth.errors import Conflict, InternalError, NotFound
from hearth.kit.clock import Clock, from_ns, to_ns, utc_now
from hearth.kit.db import Connection, Database
from hearth.metering import bill_lines, close_period
from hearth.pricing import PriceBooks


class Invoices:
    """Drafts, issues and rebuilds invoices."""

    def __init__(self, db: Database, books: PriceBooks, clock: Clock = utc_now) -> None:
        self._db = db
        self._books = books
        self._clock = clock

    async def get(self, account_id: str, month: str) -> Invoice:
        """The invoice of a month `yyyy-mm`: as it was issued, or as it would be now.

        Raises:
            InvalidRequest: it is no month.
            NotFound: the month has not begun.
            InternalError: it was issued and no longer comes out as it was.
        """
        span = month_span(month)
        if span.start > self._clock():
            raise NotFound(f"The month {month} has not begun.")
        async with self._db.read() as conn:
            return await self._rebuild(conn, account_id, span)

    async def list(self, account_id: str, *, pending: bool = False) -> list[InvoiceHead]:
        """The invoices of every month in which something moved, without their lines, the newest
        first.

        Args:
            account_id: whose.
            pending: also those that are not issued.
        """
        async with self._db.read() as conn:
            issued = {each.month for each in await store.list_issued(conn, account_id)}
            months = {each.month: each for each in await account_statements(conn, account_id)}
        for month in issued - months.keys():
            months[month] = nothing(month)
        return [
            head(account_id, months[month], is_issued=month in issued)
            for month in sorted(months, reverse=True)
            if pending or month in issued
        ]

    async def issue(self, account_id: str, month: str, actor: Actor) -> Invoice:
        """Fix the invoice of a month that has ended; once more changes nothing.

        The month is closed first: usage that arrives later is billed in the next one.

        Raises:
            InvalidRequest: it is no month.
            Conflict: it has not ended.
            InternalError: the ledger and its sums differ: nothing is issued.
        """
        span = month_span(month)
        if self._clock() < span.end:
            raise Conflict(f"The month {month} has not ended: its invoice can still change.")
        await close_period(self._db, account_id, span.end_ns)
        async with self._db.write() as conn:
            await store.lock_account(conn, account_id)
            if await self._find_issued(conn, account_id, month) is not None:
                return await self._rebuild(conn, account_id, span)
            now_ns = to_ns(self._clock())
            draft, statement = await self._draft(conn, account_id, span)
            invoice = _issued_form(draft, from_ns(now_ns))
            issued = Issued(
                account_id=account_id,
                month=month,
                issue_time_ns=now_ns,
                total_nano=statement.due,
                sha256=sha256_of(invoice),
            )
            await store.insert_invoice(conn, issued)
            audit = AuditEntry(
                actor=actor,
                method="IssueInvoice",
                resource=invoice.name,
                payload={"amountDueUsd": dollars(statement.due), "sha256": issued.sha256},
            )
            await record(conn, audit, clock=self._clock)
            return invoice

    async def _rebuild(self, conn: Connection, account_id: str, span: Span) -> Invoice:
        month = month_of(span.start)
        issued = await self._find_issued(conn, account_id, month)
        draft, _ = await self._draft(conn, account_id, span)
        if issued is None:
            return draft
        invoice = _issued_form(draft, from_ns(issued.issue_time_ns))
        if sha256_of(invoice) != issued.sha256:
            raise InternalError(
                f"The invoice {invoice.name} does not come out as it was issued (sha256 "
                f"{issued.sha256}): the ledger or a price book was changed past Hearth."
            )
        return invoice

    async def _draft(
        self, conn: Connection, account_id: str, span: Span
    ) -> tuple[Invoice, Statement]:
        statement = await _statement(conn, account_id, span)
        lines = await bill_lines(conn, account_id, start_ns=span.start_ns, end_ns=span.end_ns)
        if sum(line.cost_nano for line in lines) != statement.usage:
            raise InternalError(
                f"The ledger of {account_id} and its sums differ in {statement.month}: "
                "nothing is billed until they agree."
            )
        entries = await store.list_entries(conn, account_id, until_ns=span.end_ns)
        corrections = [
            entry
            for entry in entries
            if entry.kind is EntryKind.ADJUSTMENT and entry.time_ns >= span.start_ns
        ]
        book_of: BookOf = self._books.version
        return build(account_id, statement, lines, corrections, book_of), statement

    async def _find_issued(self, conn: Connection, account_id: str, month: str) -> Issued | None:
        issued = await store.list_issued(conn, account_id)
        return next((each for each in issued if each.month == month), None)


def invoice_json(invoice: Invoice) -> bytes:
    """The invoice as JSON for machines and people; the form whose digest is kept."""
    return msgspec.json.format(msgspec.json.encode(invoice), indent=2) + b"\n"


def sha256_of(invoice: Invoice) -> str:
    """What proves that an invoice is as it was."""
    return hashlib.sha256(invoice_json(invoice)).hexdigest()


def _issued_form(draft: Invoice, issue_time: datetime) -> Invoice:
    return msgspec.structs.replace(draft, state=InvoiceState.ISSUED, issue_time=issue_time)


async def _statement(conn: Connection, account_id: str, span: Span) -> Statement:
    """What the month came to; a month in which nothing moved has what the one before it left."""
    month = month_of(span.start)
    months = await account_statements(conn, account_id, until_ns=span.end_ns)
    last = months[-1] if months else None
    if last is not None and last.month == month:
        return last
    return nothing(month, credit_left=0 if last is None else last.credit_left)
