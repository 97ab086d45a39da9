"""An invoice as CSV (RFC 4180): one row per line, then what the month comes to."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from hearth.billing.invoices.document import Invoice, InvoiceLine
from hearth.billing.money import Money, dollars, from_money

COLUMNS = (
    "kind",
    "unit",
    "model",
    "deployment",
    "price_book",
    "price",
    "discount_percent",
    "requests",
    "prompt_tokens",
    "cached_prompt_tokens",
    "completion_tokens",
    "units",
    "price_per",
    "prompt_price_usd",
    "cached_prompt_price_usd",
    "completion_price_usd",
    "unit_price_usd",
    "minimum_usd",
    "description",
    "amount_usd",
)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def invoice_csv(invoice: Invoice) -> bytes:
    """The invoice as a table."""
    rows: list[dict[str, str]] = [_usage(line) for line in invoice.line_items]
    rows += [
        {
            "kind": "adjustment",
            "description": safe_cell(each.reason),
            "amount_usd": usd(each.amount),
        }
        for each in invoice.adjustments
    ]
    sums = (
        ("subtotal", invoice.subtotal),
        ("adjustments", invoice.adjustments_total),
        ("credits_applied", invoice.credits_applied),
        ("carried_to_credit", invoice.carried_to_credit),
        ("amount_due", invoice.amount_due),
        ("credit_left", invoice.credit_left),
    )
    rows += [
        {"kind": kind, "description": invoice.name, "amount_usd": usd(amount)}
        for kind, amount in sums
    ]
    return table(COLUMNS, ([row.get(column, "") for column in COLUMNS] for row in rows))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A table as CSV."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue().encode()


def safe_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula, whoever wrote it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def usd(money: Money) -> str:
    """Dollars with all their decimals."""
    return dollars(from_money(money, param="amount"))


def _usage(line: InvoiceLine) -> dict[str, str]:
    row = {
        "kind": "usage",
        "unit": line.unit,
        "model": safe_cell(line.model),
        "deployment": safe_cell(line.deployment),
        "price_book": safe_cell(line.price_book),
        "price": safe_cell(line.price),
        "discount_percent": line.discount_percent,
        "requests": line.requests,
        "prompt_tokens": line.prompt_tokens,
        "cached_prompt_tokens": line.cached_prompt_tokens,
        "completion_tokens": line.completion_tokens,
        "units": line.units,
        "amount_usd": usd(line.total_cost),
    }
    if line.unit_prices is not None:
        prices = line.unit_prices
        row |= {
            "price_per": prices.per,
            "prompt_price_usd": prices.prompt,
            "cached_prompt_price_usd": prices.cached_prompt,
            "completion_price_usd": prices.completion,
            "unit_price_usd": prices.unit,
            "minimum_usd": prices.minimum,
        }
    return row
