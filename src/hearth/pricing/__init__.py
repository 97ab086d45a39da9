"""Pricing: what things cost, by versioned books; exact, in nano-USD."""

from hearth.pricing.amounts import format_usd, parse_usd
from hearth.pricing.book_file import Source, parse_book, shipped_book
from hearth.pricing.books import PRICES_VERSION, PriceBooks, add_book
from hearth.pricing.cost import Rate, cost_nano, rate
from hearth.pricing.lookup import CLASSES, accelerator_prices, class_by_size, price_for
from hearth.pricing.quote import Quote, quote
from hearth.pricing.shelf import EVERYONE, Shelf
from hearth.pricing.types import (
    NANO,
    AddedBook,
    Discount,
    Price,
    PriceBook,
    Quantities,
    Subject,
    Unit,
)

__all__ = [
    "CLASSES",
    "EVERYONE",
    "NANO",
    "PRICES_VERSION",
    "AddedBook",
    "Discount",
    "Price",
    "PriceBook",
    "PriceBooks",
    "Quantities",
    "Quote",
    "Rate",
    "Shelf",
    "Source",
    "Subject",
    "Unit",
    "accelerator_prices",
    "add_book",
    "class_by_size",
    "cost_nano",
    "format_usd",
    "parse_book",
    "parse_usd",
    "price_for",
    "quote",
    "rate",
    "shipped_book",
]
