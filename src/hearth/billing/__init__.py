"""Billing: usage reports, invoices, credits; all derived from the ledger."""
