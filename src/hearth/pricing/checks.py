"""What no type can say of a price book: that it is whole and means something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from hearth.errors import InvalidRequest
from hearth.pricing.types import MAX_NANO_PER_UNIT, Price, PriceBook, Unit

_YEARS = range(2000, 2200)
"Nanoseconds since the epoch fit 64 bits until 2262."


def check_book(book: PriceBook, is_model: Callable[[str], bool]) -> None:
    """Refuse a book that contradicts itself.

    Args:
        is_model: whether a full name is a model's.

    Raises:
        InvalidRequest: naming the field.
    """
    if book.effective_time.year not in _YEARS:
        raise _fault("effective_time", f"is outside the years {_YEARS.start} to {_YEARS.stop - 1}")
    if not book.prices:
        raise _fault("prices", "is empty: a book without a price would make everything free")
    counts = Counter(price.id for price in book.prices)
    for index, price in enumerate(book.prices):
        if counts[price.id] > 1:
            raise _fault(f"prices[{index}].id", f"{price.id} stands in the book more than once")
        _check_price(price, f"prices[{index}]")
    for model, price_id in book.models.items():
        where = f"models.{model[:200]}"
        if price_id not in counts:
            raise _fault(where, f"names {price_id!r}, which is no price of the book")
        if not is_model(model):
            raise _fault(
                where, "is no model here: write full names as `hearth models --json` lists them"
            )


def _check_price(price: Price, where: str) -> None:
    if price.unit is not Unit.TOKENS:
        for name in ("output_amount", "cached_amount"):
            if getattr(price, name) is not None:
                raise _fault(f"{where}.{name}", f"is for tokens only, not for {price.unit}")
    for name in ("amount", "output_amount"):
        if (getattr(price, name) or 0) > price.per * MAX_NANO_PER_UNIT:
            raise _fault(
                f"{where}.{name}", f"is more than a dollar for one of {price.unit}; see `per`"
            )
    if price.cached_amount is not None and price.cached_amount > price.amount:
        raise _fault(
            f"{where}.cached_amount", "is more than `amount`: cached tokens may not cost extra"
        )


def _fault(where: str, reason: str) -> InvalidRequest:
    return InvalidRequest(f"{where} {reason}.", param=where)
