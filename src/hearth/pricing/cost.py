"""What an event costs: exact in integers, rounded once.

The exact cost is a fraction; it becomes whole nano-USD at the very end, half up. Discounts and the
minimum are inside the fraction, so no order of steps can change a result. More use never costs
less, so the cost of upper bounds is an upper bound of the cost: what is held for a request is
computed with the function that later prices it.
"""

from __future__ import annotations

from math import gcd

from msgspec import Struct

from hearth.pricing.types import TOKEN_UNITS, Price, PriceBook, Quantities

_WHOLE_BP = 10_000


class Rate(Struct, frozen=True, kw_only=True, gc=False):
    """A price with its discounts as integers: what one costs is a few multiplications.

    The amounts are numerators over `whole`, doubled for the rounding.
    """

    by_tokens: bool
    "Whether it counts tokens, or units."
    unit: int
    "Of whatever is counted; of tokens, those of a prompt that came from no cache."
    cached: int
    completion: int
    minimum: int
    whole: int

    def of_tokens(self, prompt: int, cached: int, completion: int) -> int:
        """Nano-USD for an event that is counted in tokens; `cached` is part of `prompt`."""
        cached = min(cached, prompt)
        return self._round(
            (prompt - cached) * self.unit + cached * self.cached + completion * self.completion,
            used=prompt > 0 or completion > 0,
        )

    def of_units(self, units: int) -> int:
        """Nano-USD for an event that is counted in anything else."""
        return self._round(units * self.unit, used=units > 0)

    def of(self, quantities: Quantities) -> int:
        """Nano-USD for an event, by the quantities that this rate counts."""
        if self.by_tokens:
            return self.of_tokens(
                quantities.prompt_tokens, quantities.cached_tokens, quantities.completion_tokens
            )
        return self.of_units(quantities.units)

    def _round(self, doubled: int, *, used: bool) -> int:
        if doubled < self.minimum and used:
            doubled = self.minimum
        return (doubled + self.whole) // (2 * self.whole)


def rate(price: Price, book: PriceBook, *, discount_bp: int = 0) -> Rate:
    """Make ready what a price of a book costs, with a discount off the whole of it."""
    return _rate(price, cached_discount_bp=book.cached_discount_bp, discount_bp=discount_bp)


def cost_nano(
    price: Price, quantities: Quantities, *, cached_discount_bp: int, discount_bp: int = 0
) -> int:
    """What an event costs in nano-USD.

    Args:
        price: tokens cost by prompt, cached and completion tokens, everything else by `units`.
        quantities: none of them negative.
        cached_discount_bp: the book's, for prices that name no amount for cached tokens.
        discount_bp: off everything, the minimum included.
    """
    made = _rate(price, cached_discount_bp=cached_discount_bp, discount_bp=discount_bp)
    return made.of(quantities)


def _rate(price: Price, *, cached_discount_bp: int, discount_bp: int) -> Rate:
    """Bring every amount to one denominator and cancel what they share."""
    left = _WHOLE_BP - discount_bp
    if price.cached_amount is None:
        cached = price.amount * (_WHOLE_BP - cached_discount_bp)
    else:
        cached = price.cached_amount * _WHOLE_BP
    output = price.amount if price.output_amount is None else price.output_amount
    numerators = (
        price.amount * _WHOLE_BP * left,
        cached * left,
        output * _WHOLE_BP * left,
        price.minimum * price.per * _WHOLE_BP * left,
    )
    whole = price.per * _WHOLE_BP * _WHOLE_BP
    shared = gcd(whole, *numerators)
    unit, cached, completion, minimum = (2 * each // shared for each in numerators)
    return Rate(
        by_tokens=price.unit in TOKEN_UNITS,
        unit=unit,
        cached=cached,
        completion=completion,
        minimum=minimum,
        whole=whole // shared,
    )
