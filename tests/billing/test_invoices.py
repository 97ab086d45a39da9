"""Invoices: what they say, when they are fixed, and that they rebuild byte for byte."""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from hearth.accounts import OPERATOR
from hearth.billing import Billing
from hearth.errors import Conflict, InternalError
from hearth.pricing import NANO, PriceBooks, parse_usd
from tests.billing.books import add_book
from tests.billing.conftest import JANUARY, LARGE, SMALL, House, subject_of

INVOICE = "/accounts/acme/invoices/2026-01"
FEBRUARY = datetime(2026, 2, 2, tzinfo=UTC)


async def forms(client: httpx.AsyncClient, path: str = INVOICE) -> dict[str, bytes]:
    """The bytes of each form of an invoice."""
    found = {}
    for form in ("json", "csv", "html"):
        answer = await client.get(path, params={"format": form})
        assert answer.status_code == 200, answer.text
        found[form] = answer.content
    return found


def nano(money: dict[str, str]) -> int:
    """Nano-USD of typeMoney."""
    return int(money["units"]) * NANO + int(money["nanos"])


async def test_an_invoice_has_a_line_for_each_price_and_adds_up(
    house: House, admin: httpx.AsyncClient
) -> None:
    small = await house.use(house.entry(JANUARY), house.entry(JANUARY, tokens=(10, 4, 1)))
    large = await house.use(house.entry(JANUARY, model=LARGE))
    await house.use(house.entry(FEBRUARY), house.entry(JANUARY - timedelta(days=30)))
    await house.use(house.entry(JANUARY, account_id="other"))

    invoice = (await admin.get(INVOICE)).json()

    assert invoice["state"] == "DRAFT"
    lines = {line["model"]: line for line in invoice["lineItems"]}
    assert {name: nano(line["totalCost"]) for name, line in lines.items()} == {
        SMALL: small,
        LARGE: large,
    }
    assert lines[SMALL]["requests"] == "2"
    assert lines[SMALL]["promptTokens"] == "1010"
    assert lines[SMALL]["cachedPromptTokens"] == "4"
    assert lines[SMALL]["unitPrices"] == {
        "per": "1000000",
        "prompt": "0.10",
        "cachedPrompt": "0.05",
        "completion": "0.10",
    }
    assert nano(invoice["subtotal"]) == nano(invoice["amountDue"]) == small + large


async def test_credit_and_adjustments_are_taken_off(house: House, admin: httpx.AsyncClient) -> None:
    used = await house.use(house.entry(JANUARY, model=LARGE, tokens=(10**6, 0, 10**6)))
    await house.billing.credits.grant("acme", NANO, "welcome", OPERATOR)
    await house.billing.credits.adjust("acme", parse_usd("0.05"), "an outage", OPERATOR)

    invoice = (await admin.get(INVOICE)).json()

    assert used == parse_usd("1.80")
    assert nano(invoice["creditsApplied"]) == NANO
    assert nano(invoice["amountDue"]) == parse_usd("0.75")
    assert [each["reason"] for each in invoice["adjustments"]] == ["an outage"]


async def test_an_issued_invoice_rebuilds_byte_for_byte_whatever_comes_later(
    house: House, admin: httpx.AsyncClient
) -> None:
    await house.use(house.entry(JANUARY), house.entry(JANUARY, model=LARGE))
    house.clock.move(days=1)
    await house.billing.invoices.issue("acme", "2026-01", OPERATOR)
    before = await forms(admin)

    late = await house.use(house.entry(JANUARY, tokens=(77, 0, 7)))
    await house.billing.credits.grant("acme", NANO, "welcome", OPERATOR)
    house.clock.move(days=-3)  # a clock that jumps back moves no credit into a billed month
    await house.billing.credits.grant("acme", NANO, "welcome", OPERATOR)
    house.clock.move(days=10)
    await add_book(house, "2026-dear", {"text-under-4b": "9.00"})
    again = await house.billing.invoices.issue("acme", "2026-01", OPERATOR)
    after = await forms(admin)

    assert after == before
    assert again.issue_time == datetime(2026, 2, 1, 12, tzinfo=UTC)
    next_month = (await admin.get("/accounts/acme/invoices/2026-02")).json()
    assert nano(next_month["subtotal"]) == nano(next_month["creditsApplied"]) == late
    async with house.db.read() as conn:
        sha256 = (await conn.execute(text("SELECT sha256 FROM invoices"))).scalar_one()
    assert hashlib.sha256(before["json"]).hexdigest() == sha256


async def test_another_process_rebuilds_the_same_bytes(
    house: House, admin: httpx.AsyncClient
) -> None:
    await house.use(house.entry(JANUARY), house.entry(JANUARY, model=LARGE))
    house.clock.move(days=1)
    issued = await house.billing.invoices.issue("acme", "2026-01", OPERATOR)

    books = PriceBooks(house.db)
    await books.refresh()
    fresh = Billing(house.db, books, subject_of, house.clock)

    assert await fresh.invoices.get("acme", "2026-01") == issued


async def test_an_invoice_that_was_tampered_with_is_not_shown(
    house: House, admin: httpx.AsyncClient
) -> None:
    await house.use(house.entry(JANUARY))
    house.clock.move(days=1)
    await house.billing.invoices.issue("acme", "2026-01", OPERATOR)

    async with house.db.write() as conn:
        await conn.execute(text("UPDATE usage_hours SET cost_nano = cost_nano + 1"))
        await conn.execute(text("UPDATE spend_days SET cost_nano = cost_nano + 1"))

    answer = await admin.get(INVOICE)
    assert answer.status_code == 500
    assert "differ" in answer.json()["message"]
    with pytest.raises(InternalError):
        await house.billing.invoices.issue("acme", "2026-01", OPERATOR)


async def test_a_month_that_runs_is_not_issued(house: House) -> None:
    with pytest.raises(Conflict, match="has not ended"):
        await house.billing.invoices.issue("acme", "2026-01", OPERATOR)


async def test_invoices_are_listed_newest_first_drafts_on_demand(
    house: House, admin: httpx.AsyncClient
) -> None:
    await house.use(house.entry(JANUARY), house.entry(JANUARY - timedelta(days=40)))
    await house.billing.invoices.issue("acme", "2025-12", OPERATOR)

    issued = (await admin.get("/accounts/acme/invoices")).json()["invoices"]
    everything = (await admin.get("/accounts/acme/invoices?pending=true")).json()
    drafts = {"pending": "true", "filter": 'state="DRAFT"'}
    oldest = {"pending": "true", "orderBy": "id"}

    assert [each["id"] for each in issued] == ["2025-12"]
    assert [(each["id"], each["state"]) for each in everything["invoices"]] == [
        ("2026-01", "DRAFT"),
        ("2025-12", "ISSUED"),
    ]
    for params, ids in ((drafts, ["2026-01"]), (oldest, ["2025-12", "2026-01"])):
        found = (await admin.get("/accounts/acme/invoices", params=params)).json()["invoices"]
        assert [each["id"] for each in found] == ids
    assert issued[0]["invoiceUrl"] == "/v1/accounts/acme/invoices/2025-12?format=html"


async def test_accept_chooses_the_form(house: House, admin: httpx.AsyncClient) -> None:
    await house.use(house.entry(JANUARY))

    page = await admin.get(INVOICE, headers={"accept": "text/html,application/json;q=0.9"})
    table = await admin.get(INVOICE, headers={"accept": "text/csv"})

    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert rows[0]["model"] == SMALL
    assert rows[-2]["kind"] == "amount_due"


async def test_no_text_of_an_operator_runs_in_a_page_or_a_spreadsheet(
    house: House, admin: httpx.AsyncClient
) -> None:
    for reason in ("<script>alert(1)</script>", '=HYPERLINK("http://x")'):
        await house.billing.credits.adjust("acme", NANO, reason, OPERATOR)

    found = await forms(admin)

    assert b"<script" not in found["html"]
    assert b"&lt;script&gt;" in found["html"]
    assert b"http://" not in found["html"].replace(b"http://x", b"")
    cells = [row["description"] for row in csv.DictReader(io.StringIO(found["csv"].decode()))]
    assert not any(cell.startswith("=") for cell in cells)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/accounts/acme/invoices/2026-13", 400),
        ("/accounts/acme/invoices/latest", 400),
        ("/accounts/acme/invoices/2026-02", 404),
        (f"{INVOICE}?format=pdf", 400),
        (f"{INVOICE}:whatIf", 400),
        (f"{INVOICE}:whatIf?priceBook=none", 404),
        ("/accounts/acme/invoices?pending=maybe", 400),
        ("/accounts/acme/invoices?pageToken=x", 400),
        ("/accounts/acme/invoices?filter=x", 400),
        ("/accounts/other/invoices/2026-01", 404),
    ],
)
async def test_what_cannot_be_shown_is_refused(
    admin: httpx.AsyncClient, path: str, status: int
) -> None:
    assert (await admin.get(path)).status_code == status


async def test_a_month_boundary_belongs_to_the_month_that_begins(
    house: House, admin: httpx.AsyncClient
) -> None:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    inside = await house.use(
        house.entry(first), house.entry(datetime(2026, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC))
    )
    await house.use(house.entry(first - timedelta(microseconds=1)))

    invoice = (await admin.get(INVOICE)).json()

    assert nano(invoice["subtotal"]) == inside
