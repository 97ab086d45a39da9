"""The snapshot of all price books, and how one is added."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from hearth.errors import Conflict, InvalidRequest
from hearth.kit.clock import to_ns, to_rfc3339
from hearth.kit.db import Connection, Database
from hearth.kit.versions import bump
from hearth.pricing import store
from hearth.pricing.book_file import shipped_book
from hearth.pricing.quote import Quote
from hearth.pricing.shelf import EVERYONE, Shelf
from hearth.pricing.types import AddedBook, Discount, PriceBook, Subject

PRICES_VERSION = "prices"
"The version row that moves whenever a book is added."


class PriceBooks:
    """Every book as of the last `refresh`; before the first, the shipped one alone."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._shelf = Shelf(shipped_book())
        self._refreshing = asyncio.Lock()

    @property
    def shipped(self) -> PriceBook:
        """The book that Hearth comes with."""
        return self._shelf.shipped

    @property
    def added(self) -> Sequence[AddedBook]:
        """The others, in the order in which they take effect."""
        return self._shelf.added

    async def refresh(self) -> None:
        """Learn which books have been added."""
        async with self._refreshing:
            async with self._db.read() as conn:
                added = await store.read_books(conn)
            self._shelf = Shelf(self._shelf.shipped, added)

    def at(self, account_id: str, time_ns: int) -> PriceBook:
        """See `Shelf.at`."""
        return self._shelf.at(account_id, time_ns)

    def quote(
        self, account_id: str, time_ns: int, subject: Subject, discount: Discount = Discount.NONE
    ) -> Quote | None:
        """See `Shelf.quote`."""
        return self._shelf.quote(account_id, time_ns, subject, discount)

    def version(self, name: str) -> PriceBook | None:
        """See `Shelf.version`."""
        return self._shelf.version(name)


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
