"""Billing: usage reports, invoices, credits; all derived from the ledger."""

from hearth.billing.invoices.csv_form import invoice_csv
from hearth.billing.invoices.issuing import invoice_json
from hearth.billing.invoices.page import invoice_page
from hearth.billing.money import dollars, read_dollars
from hearth.billing.routes import routes
from hearth.billing.service import Billing
from hearth.billing.types import Mode, SuspendState

__all__ = [
    "Billing",
    "Mode",
    "SuspendState",
    "dollars",
    "invoice_csv",
    "invoice_json",
    "invoice_page",
    "read_dollars",
    "routes",
]
