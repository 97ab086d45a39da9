"""Billing: usage reports, invoices, credits; all derived from the ledger."""

from hearth.billing.invoices.csv_form import invoice_csv
from hearth.billing.invoices.issuing import invoice_json
from hearth.billing.invoices.page import invoice_page
from hearth.billing.invoices.what_if import WhatIf
from hearth.billing.money import dollars, from_money, read_dollars
from hearth.billing.reports.table import Usage
from hearth.billing.routes import routes
from hearth.billing.service import Billing
from hearth.billing.types import Mode, SuspendState

__all__ = [
    "Billing",
    "Mode",
    "SuspendState",
    "Usage",
    "WhatIf",
    "dollars",
    "from_money",
    "invoice_csv",
    "invoice_json",
    "invoice_page",
    "read_dollars",
    "routes",
]
