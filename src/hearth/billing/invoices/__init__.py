"""Invoices: a month of an account, a pure function of ledger, credit entries and price books."""
