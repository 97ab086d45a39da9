"""Usage by day, user and model as CSV, in the columns that `firectl` downloads."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from hearth.accounts import AccountService
from hearth.billing.invoices.csv_form import safe_cell, table
from hearth.billing.invoices.what_if import SubjectOf
from hearth.billing.times import Span, read_zone
from hearth.kit.clock import from_ns, to_rfc3339
from hearth.kit.db import Database
from hearth.kit.pages import MAX_PAGE_SIZE, ListQuery
from hearth.metering import UsageQuery, UsageSum, day_starts, usage_sums
from hearth.pricing import Unit

COLUMNS = (
    "email",
    "start_time",
    "end_time",
    "usage_type",
    "accelerator_type",
    "accelerator_seconds",
    "base_model_name",
    "model_bucket",
    "parameter_count",
    "prompt_tokens",
    "completion_tokens",
)


class MetricsCsv:
    """Writes the table; the catalogue says how large models are."""

    def __init__(self, db: Database, accounts: AccountService, subject_of: SubjectOf) -> None:
        self._db = db
        self._accounts = accounts
        self._subject_of = subject_of

    async def write(self, account_id: str, span: Span) -> bytes:
        """The usage of a time, by days of UTC."""
        splits = day_starts(span.start_ns, span.end_ns, read_zone("UTC"))
        query = UsageQuery(
            account_id=account_id,
            start_ns=span.start_ns,
            end_ns=span.end_ns,
            group_by=("user", "model", "unit", "price"),
            splits_ns=splits,
        )
        ends = dict(pairwise((span.start_ns, *splits, span.end_ns)))
        emails = await self._emails(account_id)
        rows = await usage_sums(self._db, query)
        return table(COLUMNS, [self._row(row, ends, emails) for row in rows])

    def _row(self, row: UsageSum, ends: Mapping[int, int], emails: Mapping[str, str]) -> list[str]:
        is_time = row.unit == Unit.GPU_SECONDS
        subject = self._subject_of(row.model, Unit(row.unit))
        return [
            safe_cell(emails.get(row.user_id, "")),
            to_rfc3339(from_ns(row.start_ns)),
            to_rfc3339(from_ns(ends[row.start_ns])),
            row.unit,
            row.price.removeprefix("gpu-").upper() if is_time else "",
            str(row.units) if is_time else "",
            safe_cell(row.model),
            safe_cell(row.price),
            str(subject.parameters or "") if subject else "",
            str(row.prompt_tokens),
            str(row.completion_tokens),
        ]

    async def _emails(self, account_id: str) -> dict[str, str]:
        emails: dict[str, str] = {}
        token = ""
        while True:
            query = ListQuery(page_size=MAX_PAGE_SIZE, page_token=token)
            page = await self._accounts.list_users(account_id, query)
            emails |= {user.name.rpartition("/")[2]: user.email for user in page.items}
            token = page.next_page_token
            if not token:
                return emails
