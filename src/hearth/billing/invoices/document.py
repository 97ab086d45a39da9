"""An invoice: what a month of an account comes to, as a pure function of what the ledger holds.

It says nothing that may change later, such as an account's display name, or when somebody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import UNSET, Struct, UnsetType

from hearth.billing.invoices.statement import Statement
from hearth.billing.money import Money, to_money
from hearth.billing.times import month_span
from hearth.billing.types import Entry
from hearth.errors import InvalidRequest
from hearth.kit.clock import from_ns
from hearth.metering import BillLine
from hearth.pricing import NANO, Price, PriceBook

BookOf = Callable[[str], PriceBook | None]
"""The price book of a version."""


class InvoiceState(StrEnum):
    """Where an invoice stands; Hearth takes no payments, so none is ever PAID by itself."""

    DRAFT = "DRAFT"
    "Its month runs, or nobody has issued it: it may still change."
    ISSUED = "ISSUED"
    "It never changes again."


class InvoiceType(StrEnum):
    """Who pays it."""

    POSTPAID = "POSTPAID_BILLING"
    PREPAID = "PREPAID_CREDITS"
    "All of it was paid from credit."


class UnitPrices(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What so many units cost, in dollars, before the line's discount."""

    per: str
    prompt: str = ""
    cached_prompt: str = ""
    completion: str = ""
    unit: str = ""
    "Of what is not counted in tokens of prompts and completions."
    minimum: str = ""
    "The least that one event costs."


class InvoiceLine(Struct, frozen=True, kw_only=True, rename="camel"):
    """What was used at one price. Each event's cost is rounded, not the line's."""

    unit: str
    model: str
    deployment: str
    price_book: str
    price: str
    discount_percent: str
    unit_prices: UnitPrices | None
    "None: it is not priced."
    requests: str
    prompt_tokens: str
    cached_prompt_tokens: str
    completion_tokens: str
    units: str
    total_cost: Money


class Correction(Struct, frozen=True, kw_only=True, rename="camel"):
    """An adjustment; a positive amount is in the customer's favour."""

    id: str
    time: datetime
    reason: str
    amount: Money


class InvoiceHead(Struct, frozen=True, kw_only=True, rename="camel"):
    """An invoice in a list."""

    name: str
    id: str
    state: InvoiceState
    type: InvoiceType
    amount_due: Money
    target_time: datetime
    invoice_url: str


class Invoice(Struct, frozen=True, kw_only=True, rename="camel"):
    """A month of an account; `subtotal - adjustments = creditsApplied + amountDue - carried`."""

    name: str
    id: str
    state: InvoiceState
    type: InvoiceType
    period_start: datetime
    period_end: datetime
    issue_time: datetime | UnsetType = UNSET
    target_time: datetime
    "When it can be issued: the end of its month."
    invoice_url: str
    line_items: tuple[InvoiceLine, ...]
    adjustments: tuple[Correction, ...]
    subtotal: Money
    adjustments_total: Money
    credits_applied: Money
    carried_to_credit: Money
    "By which adjustments exceed the usage."
    amount_due: Money
    credit_left: Money
    "At the end of the month."


def head(account_id: str, statement: Statement, *, is_issued: bool) -> InvoiceHead:
    """What a list says of an invoice."""
    name = f"accounts/{account_id}/invoices/{statement.month}"
    return InvoiceHead(
        name=name,
        id=statement.month,
        state=InvoiceState.ISSUED if is_issued else InvoiceState.DRAFT,
        type=_type(statement),
        amount_due=to_money(statement.due),
        target_time=month_span(statement.month).end,
        invoice_url=f"/v1/{name}?format=html",
    )


def build(
    account_id: str,
    statement: Statement,
    lines: Sequence[BillLine],
    corrections: Sequence[Entry],
    book_of: BookOf,
) -> Invoice:
    """The draft of an invoice; `issued` makes it final.

    Args:
        account_id: whose.
        statement: of the month; its usage is the sum of the lines.
        lines: all of the month, in a fixed order.
        corrections: the adjustments made in the month.
        book_of: finds the unit prices.
    """
    top = head(account_id, statement, is_issued=False)
    return Invoice(
        name=top.name,
        id=top.id,
        state=top.state,
        type=top.type,
        period_start=month_span(statement.month).start,
        period_end=top.target_time,
        target_time=top.target_time,
        invoice_url=top.invoice_url,
        line_items=tuple(_line(line, book_of) for line in lines),
        adjustments=tuple(_correction(entry) for entry in corrections),
        subtotal=to_money(statement.usage),
        adjustments_total=to_money(statement.adjustments),
        credits_applied=to_money(statement.credits_applied),
        carried_to_credit=to_money(statement.carried),
        amount_due=to_money(statement.due),
        credit_left=to_money(statement.credit_left),
    )


def unit_prices(price: Price, book: PriceBook) -> UnitPrices:
    """A price in dollars; where it names no amount for cached tokens, with the book's discount."""
    minimum = _decimal(price.minimum) if price.minimum else ""
    if price.unit != "tokens":
        return UnitPrices(per=str(price.per), unit=_decimal(price.amount), minimum=minimum)
    cached = price.cached_amount
    left = Decimal(10_000 - book.cached_discount_bp) / 10_000
    output = price.amount if price.output_amount is None else price.output_amount
    return UnitPrices(
        per=str(price.per),
        prompt=_decimal(price.amount),
        cached_prompt=_decimal(price.amount * left if cached is None else cached),
        completion=_decimal(output),
        minimum=minimum,
    )


def _type(statement: Statement) -> InvoiceType:
    is_paid = statement.due == 0 and statement.credits_applied > 0
    return InvoiceType.PREPAID if is_paid else InvoiceType.POSTPAID


def find_price(book: PriceBook | None, price_id: str) -> Price | None:
    """The price of a book by its id."""
    prices = () if book is None else book.prices
    return next((price for price in prices if price.id == price_id), None)


def _line(line: BillLine, book_of: BookOf) -> InvoiceLine:
    return InvoiceLine(
        unit=line.unit,
        model=line.model,
        deployment=line.deployment,
        price_book=line.price_version,
        price=line.price,
        discount_percent=_plain(Decimal(line.discount_bp) / 100),
        unit_prices=_unit_prices(line, book_of),
        requests=str(line.num_events),
        prompt_tokens=str(line.prompt_tokens),
        cached_prompt_tokens=str(line.cached_tokens),
        completion_tokens=str(line.completion_tokens),
        units=str(line.units),
        total_cost=to_money(line.cost_nano),
    )


def _unit_prices(line: BillLine, book_of: BookOf) -> UnitPrices | None:
    """Raises `InvalidRequest` where the ledger names a price that no book has."""
    if not line.price_version:
        return None
    book = book_of(line.price_version)
    price = find_price(book, line.price)
    if book is None or price is None:
        raise InvalidRequest(
            f"The ledger was priced by {line.price!r} of the price book {line.price_version!r}, "
            "which is not here: add the book again, unchanged."
        )
    return unit_prices(price, book)


def _correction(entry: Entry) -> Correction:
    return Correction(
        id=entry.id,
        time=from_ns(entry.time_ns),
        reason=entry.reason,
        amount=to_money(entry.amount_nano),
    )


def _decimal(nano: int | Decimal) -> str:
    """Dollars with at least two decimals."""
    text = _plain(Decimal(nano) / NANO)
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.ljust(2, '0')}"


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
