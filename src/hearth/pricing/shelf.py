"""Price books over time: which one is in force for an account, and what it asks."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from hearth.pricing.quote import Quote, quote
from hearth.pricing.types import AddedBook, Discount, PriceBook, Subject

EVERYONE: Final = ""
"In place of an account: every account without a price plan of its own."

_FOREVER = 2**63
_MAX_KEPT = 10_000


class _InForce(Struct, frozen=True, gc=False):
    """A book for an account, from a moment on and before another."""

    from_ns: int
    until_ns: int
    book: PriceBook


class Shelf:
    """All books of one moment; what was asked once is answered from memory.

    Args:
        shipped: the book that applies where no other does.
        added: the others, in the order in which they take effect.
    """

    def __init__(self, shipped: PriceBook, added: Sequence[AddedBook] = ()) -> None:
        self.shipped = shipped
        self.added = added
        self._plans: dict[str, list[AddedBook]] = {}
        for each in added:
            self._plans.setdefault(each.account_id, []).append(each)
        self._versions = {book.version: book for book in (*(e.book for e in added), shipped)}
        self._in_force: dict[str, _InForce] = {}
        self._quotes: dict[tuple[str, Subject, Discount], Quote | None] = {}

    def version(self, name: str) -> PriceBook | None:
        """The book of that version, of whatever account and time."""
        return self._versions.get(name)

    def at(self, account_id: str, time_ns: int) -> PriceBook:
        """The book that an account's use at a moment is priced by.

        The latest of its own plan, else the latest of everyone's, else the shipped one.
        """
        found = self._in_force.get(account_id)
        if found is None or not found.from_ns <= time_ns < found.until_ns:
            if len(self._in_force) >= _MAX_KEPT:
                self._in_force.clear()
            found = self._in_force[account_id] = self._find(account_id, time_ns)
        return found.book

    def quote(
        self, account_id: str, time_ns: int, subject: Subject, discount: Discount = Discount.NONE
    ) -> Quote | None:
        """What a subject costs an account at a moment; None: it has no price and costs nothing."""
        book = self.at(account_id, time_ns)
        key = book.version, subject, discount
        try:
            return self._quotes[key]
        except KeyError:
            if len(self._quotes) >= _MAX_KEPT:
                self._quotes.clear()
            made = self._quotes[key] = quote(book, subject, discount)
            return made

    def _find(self, account_id: str, time_ns: int) -> _InForce:
        book, from_ns, until_ns = self.shipped, -_FOREVER, _FOREVER
        for plan in (EVERYONE, account_id):
            books = self._plans.get(plan, ())
            after = bisect_right(books, time_ns, key=lambda each: each.effective_time_ns)
            if after:
                book, from_ns = books[after - 1].book, books[after - 1].effective_time_ns
            if after < len(books):
                until_ns = min(until_ns, books[after].effective_time_ns)
        return _InForce(from_ns, until_ns, book)
