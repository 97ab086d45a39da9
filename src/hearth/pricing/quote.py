"""What a model costs an account now, made ready for its requests."""

from __future__ import annotations

from msgspec import Struct

from hearth.pricing.cost import Rate, rate
from hearth.pricing.lookup import price_for
from hearth.pricing.types import Discount, PriceBook, Subject


class Quote(Struct, frozen=True, kw_only=True, gc=False):
    """A price, as the ledger names it, and how to compute costs by it."""

    version: str
    "Of the book."
    price: str
    discount_bp: int
    rate: Rate


def quote(book: PriceBook, subject: Subject, discount: Discount = Discount.NONE) -> Quote | None:
    """What a book asks for a subject; None: it has no price, so it costs nothing."""
    price = price_for(book, subject)
    if price is None:
        return None
    discount_bp = _discount_bp(book, discount)
    return Quote(
        version=book.version,
        price=price.id,
        discount_bp=discount_bp,
        rate=rate(price, book, discount_bp=discount_bp),
    )


def _discount_bp(book: PriceBook, discount: Discount) -> int:
    if discount is Discount.BATCH:
        return book.batch_discount_bp
    return book.repeat_discount_bp if discount is Discount.REPEAT else 0
