"""The price book in force, as pricing plans."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from hearth.billing.money import Money, to_money
from hearth.kit.clock import Clock, to_ns, utc_now
from hearth.pricing import Price, PriceBook, PriceBooks, Unit


class TokenPrice(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What so many units of something cost."""

    id: str
    unit: str
    per: str
    "How many units the amounts are for."
    amount: Money
    "Of prompt tokens, where the unit is tokens."
    output_amount: Money | None = None
    cached_amount: Money | None = None
    minimum: Money | None = None
    models: tuple[str, ...] = ()
    "Those that have this price by name; all others have the price of their class."


class AcceleratorPrice(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an hour of an accelerator costs."""

    accelerator_type: str
    amount: Money


class PricingPlan(Struct, frozen=True, kw_only=True, rename="camel"):
    """The part of a price book that is billed in one way."""

    name: str
    billing_type: str
    price_book: str
    token_config: tuple[TokenPrice, ...]
    accelerator_hour_config: tuple[AcceleratorPrice, ...]
    start_time: datetime
    create_time: datetime
    update_time: datetime
    state: str = "READY"


_HOUR_S = 3600


def pricing_plans(books: PriceBooks, account_id: str, clock: Clock = utc_now) -> list[PricingPlan]:
    """The plans of an account at this moment."""
    book = books.at(account_id, to_ns(clock()))
    tokens = [price for price in book.prices if price.unit is not Unit.GPU_SECONDS]
    hours = [price for price in book.prices if price.unit is Unit.GPU_SECONDS]
    parts = (("token-usage", "TOKEN_USAGE"), ("accelerator-hours", "ACCELERATOR_HOURS"))
    return [
        PricingPlan(
            name=f"accounts/{account_id}/pricingPlans/{plan_id}",
            billing_type=billing_type,
            price_book=book.version,
            token_config=(
                tuple(_token_price(price, book) for price in tokens)
                if billing_type == "TOKEN_USAGE"
                else ()
            ),
            accelerator_hour_config=(
                tuple(map(_accelerator_price, hours)) if billing_type == "ACCELERATOR_HOURS" else ()
            ),
            start_time=book.effective_time,
            create_time=book.effective_time,
            update_time=book.effective_time,
        )
        for plan_id, billing_type in parts
    ]


def _token_price(price: Price, book: PriceBook) -> TokenPrice:
    def money(nano: int | None) -> Money | None:
        return None if nano is None else to_money(nano)

    return TokenPrice(
        id=price.id,
        unit=price.unit,
        per=str(price.per),
        amount=to_money(price.amount),
        output_amount=money(price.output_amount),
        cached_amount=money(price.cached_amount),
        minimum=money(price.minimum or None),
        models=tuple(sorted(name for name, named in book.models.items() if named == price.id)),
    )


def _accelerator_price(price: Price) -> AcceleratorPrice:
    return AcceleratorPrice(
        accelerator_type=price.id.removeprefix("gpu-").upper(),
        amount=to_money(price.amount * _HOUR_S // price.per),
    )
