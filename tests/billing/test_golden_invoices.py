"""Invoices as they were once written down: any change of their bytes is seen here.

`HEARTH_WRITE_GOLDEN=1` writes the files anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hearth.billing import invoice_csv, invoice_json, invoice_page
from hearth.billing.invoices.document import Invoice, build
from hearth.billing.invoices.statement import MonthMoney, statements
from hearth.billing.types import Entry, EntryKind
from hearth.metering import BillLine
from hearth.pricing import shipped_book

FOLDER = Path(__file__).parent / "golden"
FORMS: dict[str, Callable[[Invoice], bytes]] = {
    "json": invoice_json,
    "csv": invoice_csv,
    "html": invoice_page,
}


def line(unit: str, price: str, cost_nano: int, **quantities: int) -> BillLine:
    """A line of a made-up model."""
    counts = dict.fromkeys(
        ("num_events", "prompt_tokens", "cached_tokens", "completion_tokens", "units"), 0
    )
    return BillLine(
        unit=unit,
        model=f"accounts/fireworks/models/{price}",
        deployment="accounts/acme/deployments/own" if unit == "gpu_seconds" else "",
        price_version="2025-05" if price else "",
        price=price,
        discount_bp=5_000 if unit == "embedding_tokens" else 0,
        cost_nano=cost_nano,
        **(counts | quantities),
    )


def golden_invoice() -> Invoice:
    """A month with every kind of line, an adjustment, and credit that does not cover it."""
    book = shipped_book()
    lines = [
        line("tokens", "text-under-4b", 123_456_789, num_events=3, prompt_tokens=1_000_000,
             cached_tokens=250_000, completion_tokens=484_568),
        line("embedding_tokens", "embedding-up-to-150m", 4_000, num_events=1, prompt_tokens=1_000),
        line("gpu_seconds", "gpu-h100", 5_800_000_000, num_events=1, units=3_600),
        line("tokens", "", 0, num_events=2, prompt_tokens=9, completion_tokens=8),
    ]  # fmt: skip
    usage = sum(each.cost_nano for each in lines)
    (month,) = statements(
        [MonthMoney(month="2026-02", usage=usage, credits=10**9, adjustments=-(10**7))]
    )
    correction = Entry(
        id="credit-1",
        account_id="acme",
        time_ns=1_770_000_000 * 10**9,
        kind=EntryKind.ADJUSTMENT,
        amount_nano=-(10**7),
        reason="=<b>late & long</b>",
        principal="operator",
    )
    return build("acme", month, lines, [correction], {"2025-05": book}.get)


@pytest.mark.parametrize("form", FORMS)
def test_an_invoice_is_byte_for_byte_what_was_written_down(form: str) -> None:
    path = FOLDER / f"invoice.{form}"
    written = FORMS[form](golden_invoice())
    if os.environ.get("HEARTH_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(written)

    assert written == path.read_bytes()
