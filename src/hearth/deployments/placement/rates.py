"""What accelerators cost: from the price book, by the hour."""

from __future__ import annotations

from hearth.deployments.placement.types import AcceleratorType
from hearth.pricing import PriceBook, Subject, Unit, price_for

_HOUR_S = 3600


def hourly_prices(book: PriceBook) -> dict[AcceleratorType, int]:
    """Nano-USD per hour of each accelerator that a book prices, rounded up."""
    prices = {}
    for kind in AcceleratorType:
        price = price_for(book, Subject(unit=Unit.GPU_SECONDS, accelerator=kind))
        if price is not None:
            prices[kind] = -(-price.amount * _HOUR_S // price.per)
    return prices
