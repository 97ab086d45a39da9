"""Price books for tests: the shipped one with other amounts."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from hearth.pricing import EVERYONE, PriceBook, parse_usd
from hearth.pricing import add_book as add
from tests.billing.conftest import House


async def add_book(
    house: House, version: str, amounts: dict[str, str], account_id: str = EVERYONE
) -> PriceBook:
    """Add a book that is in force a minute from now; amounts in dollars by price."""
    replace = msgspec.structs.replace
    shipped = house.books.shipped
    prices = tuple(
        replace(price, amount=parse_usd(amounts[price.id]), output_amount=None)
        if price.id in amounts
        else price
        for price in shipped.prices
    )
    when = house.clock() + timedelta(minutes=1)
    book = replace(shipped, version=version, effective_time=when, prices=prices)
    async with house.db.write() as conn:
        await add(conn, book, account_id=account_id, now=house.clock())
    await house.books.refresh()
    return book
