"""Every route of billing. None changes a price, a credit, an adjustment or a row of the ledger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearth.accounts import AccountService, Caller, Door, Permission
from hearth.billing.books import trial_balance
from hearth.billing.credit.routes import credit_routes
from hearth.billing.invoices.routes import invoice_routes
from hearth.billing.quotas.routes import quota_routes
from hearth.billing.reports.metrics_csv import MetricsCsv
from hearth.billing.reports.routes import report_routes
from hearth.billing.service import Billing
from hearth.kit.db import Database
from hearth.limits import QuotaService


def routes(
    billing: Billing,
    accounts: AccountService,
    caller_of: Callable[[Request], Caller],
    limits_changed: Callable[[], Awaitable[None]] | None = None,
) -> list[Route]:
    """Every route of this feature.

    Args:
        billing: does the work.
        accounts: knows users and keys.
        caller_of: authenticates, or raises `Unauthenticated`.
        limits_changed: awaited after a change of limits and before its answer.
    """
    metrics = MetricsCsv(billing.db, accounts, billing.subject_of)
    books = _Books(billing.db, billing.quotas, Door(caller_of))
    return [
        *quota_routes(billing.quotas, accounts, caller_of, limits_changed or _nothing),
        *credit_routes(billing.balances, billing.codes, caller_of),
        *report_routes(billing.db, billing.books, metrics, caller_of),
        *invoice_routes(billing.invoices, billing.repricing, caller_of),
        Route("/accounts/{account_id}/billing/trialBalance", books.get, methods=["GET"]),
    ]


async def _nothing() -> None:
    pass


class _Books:
    def __init__(self, db: Database, quotas: QuotaService, door: Door[Request]) -> None:
        self._db = db
        self._quotas = quotas
        self._door = door

    async def get(self, request: Request) -> Response:
        """Get the books of the account by double entry, and whether they balance."""
        account_id = self._door.require(request, Permission.BILLING).account_id
        balance = await trial_balance(self._db, self._quotas, account_id)
        return Response(msgspec.json.encode(balance), media_type="application/json")
