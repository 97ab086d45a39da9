"""Billing as one thing: its parts, wired."""

from __future__ import annotations

from hearth.billing.credit.balance import Balances
from hearth.billing.credit.codes import CreditCodes
from hearth.billing.credit.entries import Credits
from hearth.billing.invoices.issuing import Invoices
from hearth.billing.invoices.what_if import Repricing, SubjectOf
from hearth.billing.reports.table import Usage, table
from hearth.billing.reports.usage import account_usage, read_usage_report
from hearth.billing.standing import Standing
from hearth.billing.times import month_span
from hearth.kit.clock import Clock, to_ns, to_rfc3339, utc_now
from hearth.kit.db import Database
from hearth.limits import QuotaService
from hearth.pricing import PriceBooks


class Billing:
    """The parts of billing over one database.

    Args:
        db: open, and up to date.
        books: every price book; whoever owns it refreshes it.
        subject_of: what the catalogue says of a model.
        clock: tells the present moment.
    """

    def __init__(
        self, db: Database, books: PriceBooks, subject_of: SubjectOf, clock: Clock = utc_now
    ) -> None:
        self.db = db
        self.books = books
        self.subject_of = subject_of
        self.quotas = QuotaService(db, lambda: to_ns(clock()))
        self.standing = Standing(db, self.quotas, clock)
        self.credits = Credits(db, self.quotas, clock)
        self.codes = CreditCodes(db, self.credits, clock)
        self.balances = Balances(db)
        self.invoices = Invoices(db, books, clock)
        self.repricing = Repricing(db, books, subject_of)

    async def usage_table(self, account_id: str, month: str, by: str) -> list[Usage]:
        """What an account used in a month, by one of the groups of usage reports."""
        span = month_span(month)
        names = {
            "startTime": to_rfc3339(span.start),
            "endTime": to_rfc3339(span.end),
        }
        report = read_usage_report(names, [by])
        return table(await account_usage(self.db, account_id, report), by)
