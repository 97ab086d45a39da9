"""What a month would have cost under another price book.

A cost is rounded once per event, so events are priced one by one; those with equal quantities cost
the same, so the database brings them together first.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from hearth.billing.invoices.document import find_price
from hearth.billing.money import Money, to_money
from hearth.billing.times import Span, month_span
from hearth.errors import NotFound
from hearth.kit.db import Database
from hearth.metering import LikeEvents, like_events
from hearth.pricing import EVERYONE, PriceBook, PriceBooks, Rate, Subject, Unit, price_for, rate

SubjectOf = Callable[[str, Unit], Subject | None]
"""What the catalogue says of a model, by full name and what is counted; None: it has none such."""


class WhatIfLine(Struct, frozen=True, kw_only=True, rename="camel"):
    """What was used of a model, and what it would have cost."""

    unit: str
    model: str
    deployment: str
    price: str
    "In the other book; empty: it has none, so it would cost nothing."
    requests: str
    cost: Money
    "As it was billed."
    cost_then: Money
    difference: Money


class WhatIf(Struct, frozen=True, kw_only=True, rename="camel"):
    """A month under another price book."""

    name: str
    price_book: str
    line_items: tuple[WhatIfLine, ...]
    cost: Money
    cost_then: Money
    difference: Money


class _Sum:
    """A line in the making."""

    def __init__(self) -> None:
        self.num_events = self.cost = self.cost_then = 0


_Key = tuple[str, str, str, str]


class Repricing:
    """Prices a month again."""

    def __init__(self, db: Database, books: PriceBooks, subject_of: SubjectOf) -> None:
        self._db = db
        self._books = books
        self._subject_of = subject_of

    async def what_if(self, account_id: str, month: str, version: str) -> WhatIf:
        """What a month so far would have cost under the price book of that version.

        Discounts of the month stay what they were: hundredths of a percent, off the new price.

        Raises:
            InvalidRequest: it is no month.
            NotFound: no such book is for this account or everyone.
        """
        span = month_span(month)
        book = self._book(account_id, version)
        sums = await self._sums(account_id, span, book)
        lines = [_line(key, each) for key, each in sorted(sums.items())]
        cost = sum(each.cost for each in sums.values())
        then = sum(each.cost_then for each in sums.values())
        return WhatIf(
            name=f"accounts/{account_id}/invoices/{month}",
            price_book=version,
            line_items=tuple(lines),
            cost=to_money(cost),
            cost_then=to_money(then),
            difference=to_money(then - cost),
        )

    def _book(self, account_id: str, version: str) -> PriceBook:
        foreign = {
            each.book.version
            for each in self._books.added
            if each.account_id not in (EVERYONE, account_id)
        }
        book = None if version in foreign else self._books.version(version)
        if book is None:
            raise NotFound(f"There is no price book {version[:80]!r}.")
        return book

    async def _sums(self, account_id: str, span: Span, book: PriceBook) -> dict[_Key, _Sum]:
        sums: dict[_Key, _Sum] = {}
        priced = _Priced(book, self._subject_of)
        async with self._db.read() as conn:
            batches = like_events(conn, account_id, start_ns=span.start_ns, end_ns=span.end_ns)
            async for batch in batches:
                for events in batch:
                    price_id, cost = priced.of(events)
                    key = (events.unit, events.model, events.deployment, price_id)
                    found = sums.setdefault(key, _Sum())
                    found.num_events += events.num_events
                    found.cost += events.cost_nano
                    found.cost_then += cost * events.num_events
        return sums


def _line(key: _Key, found: _Sum) -> WhatIfLine:
    unit, model, deployment, price_id = key
    return WhatIfLine(
        unit=unit,
        model=model,
        deployment=deployment,
        price=price_id,
        requests=str(found.num_events),
        cost=to_money(found.cost),
        cost_then=to_money(found.cost_then),
        difference=to_money(found.cost_then - found.cost),
    )


class _Priced:
    """The rates of one book, each made ready once."""

    def __init__(self, book: PriceBook, subject_of: SubjectOf) -> None:
        self._book = book
        self._subject_of = subject_of
        self._rates: dict[tuple[str, str, str, int], tuple[str, Rate | None]] = {}

    def of(self, events: LikeEvents) -> tuple[str, int]:
        """The price that applies, and what one such event costs."""
        key = (events.model, events.unit, events.price, events.discount_bp)
        try:
            price_id, found = self._rates[key]
        except KeyError:
            price_id, found = self._rates[key] = self._find(events)
        if found is None:
            return price_id, 0
        if found.by_tokens:
            return price_id, found.of_tokens(
                events.prompt_tokens, events.cached_tokens, events.completion_tokens
            )
        return price_id, found.of_units(events.units)

    def _find(self, events: LikeEvents) -> tuple[str, Rate | None]:
        """By the model, as for a new request; else by the price that it was billed by."""
        unit = Unit(events.unit)
        subject = self._subject_of(events.model, unit)
        price = None if subject is None else price_for(self._book, subject)
        if price is None:
            price = find_price(self._book, events.price)
        if price is None:
            return "", None
        return price.id, rate(price, self._book, discount_bp=events.discount_bp)
