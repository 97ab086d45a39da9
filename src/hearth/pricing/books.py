"""Price books over time: which one is in force for an account, and how one is added."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from hearth.errors import Conflict, InvalidRequest
from hearth.kit.clock import to_ns, to_rfc3339
from hearth.kit.db import Connection, Database
from hearth.kit.versions import bump
from hearth.pricing import store
from hearth.pricing.book_file import shipped_book
from hearth.pricing.quote import Quote, quote
from hearth.pricing.types import AddedBook, Discount, PriceBook, Subject

PRICES_VERSION = "prices"
"The version row that moves whenever a book is added."

EVERYONE: Final = ""
"In place of an account: every account without a price plan of its own."

_FOREVER = 2**63
_MAX_QUOTES = 10_000


class _InForce(Struct, frozen=True, gc=False):
    """A book, from a moment up to another that is no longer its own."""

    from_ns: int
    until_ns: int
    book: PriceBook


class PriceBooks:
    """Every book as of the last `refresh`; before the first, the shipped one alone."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.shipped = shipped_book()
        self.added: Sequence[AddedBook] = ()
        self._plans: Mapping[str, Sequence[AddedBook]] = {}
        self._versions: Mapping[str, PriceBook] = {self.shipped.version: self.shipped}
        self._in_force: dict[str, _InForce] = {}
        self._quotes: dict[tuple[str, Subject, Discount], Quote | None] = {}
        self._refreshing = asyncio.Lock()

    async def refresh(self) -> None:
        """Learn which books have been added."""
        async with self._refreshing:
            async with self._db.read() as conn:
                added = await store.read_books(conn)
            self._take(added)

    def _take(self, added: Sequence[AddedBook]) -> None:
        plans: dict[str, list[AddedBook]] = {}
        for each in added:
            plans.setdefault(each.account_id, []).append(each)
        self.added, self._plans = added, plans
        self._versions = {each.book.version: each.book for each in added} | {
            self.shipped.version: self.shipped
        }
        self._in_force = {}
        self._quotes = {}

    def at(self, account_id: str, time_ns: int) -> PriceBook:
        """The book that an account's use at a moment is priced by.

        The latest of its own plan, else the latest of everyone's, else the shipped one.
        """
        found = self._in_force.get(account_id)
        if found is None or not found.from_ns <= time_ns < found.until_ns:
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
            if len(self._quotes) >= _MAX_QUOTES:
                self._quotes.clear()
            made = self._quotes[key] = quote(book, subject, discount)
            return made

    def version(self, name: str) -> PriceBook | None:
        """The book of that version, of whatever account and time."""
        return self._versions.get(name)

    def _find(self, account_id: str, time_ns: int) -> _InForce:
        book, from_ns, until_ns = self.shipped, -_FOREVER, _FOREVER
        for plan in (EVERYONE, account_id):
            books = self._plans.get(plan, ())
            after = bisect_right(books, time_ns, key=lambda each: each.effective_time_ns)
            if after:
                book, from_ns = books[after - 1].book, books[after - 1].effective_time_ns
                until_ns = _FOREVER
            if after < len(books):
                until_ns = min(until_ns, books[after].effective_time_ns)
        return _InForce(from_ns, until_ns, book)


async def add_book(
    conn: Connection, book: PriceBook, *, account_id: str = EVERYONE, now: datetime
) -> AddedBook:
    """Add a checked book, for everyone or as the price plan of an account.

    Raises:
        InvalidRequest: it would take effect in the past, where use has been priced already.
        Conflict: its version is taken, or a book takes effect at the same moment.
    """
    if book.effective_time < now:
        raise InvalidRequest(
            f"effective_time {to_rfc3339(book.effective_time)} is in the past: what was used has "
            f"been priced. Leave it out, or name a moment after {to_rfc3339(now)}.",
            param="effective_time",
        )
    added = AddedBook(
        account_id=account_id,
        effective_time_ns=to_ns(book.effective_time),
        create_time_ns=to_ns(now),
        book=book,
    )
    _check_free(added, await store.read_books(conn))
    await store.insert_book(conn, added)
    await bump(conn, PRICES_VERSION)
    return added


def _check_free(added: AddedBook, others: Sequence[AddedBook]) -> None:
    version = added.book.version
    if version in {shipped_book().version, *(each.book.version for each in others)}:
        raise Conflict(
            f"There is a price book {version!r} already, and books never change: "
            "give this one another version.",
            param="version",
        )
    for other in others:
        alike = other.account_id == added.account_id
        if alike and other.effective_time_ns == added.effective_time_ns:
            raise Conflict(
                f"The price book {other.book.version!r} takes effect at the same moment, "
                f"{to_rfc3339(added.book.effective_time)}: choose another effective_time.",
                param="effective_time",
            )
