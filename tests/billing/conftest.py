"""Billing as it is wired in a gateway, on one database, with a ledger to bill."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from hearth.accounts import Role
from hearth.billing import Billing, routes
from hearth.kit.clock import to_ns
from hearth.kit.db import Database
from hearth.metering import Begin, Outcome, Settle
from hearth.metering.ledger import apply
from hearth.metering.types import Entry
from hearth.pricing import Discount, PriceBooks, Subject, Unit
from tests.site import HandClock, Site

SMALL = "accounts/fireworks/models/small"
LARGE = "accounts/fireworks/models/large"
SIZES = {SMALL: 3 * 10**9, LARGE: 70 * 10**9}
JANUARY = datetime(2026, 1, 10, 12, tzinfo=UTC)


def subject_of(model: str, unit: Unit) -> Subject | None:
    """What a catalogue of two models says."""
    size = SIZES.get(model)
    return Subject(model=model, unit=unit, parameters=size) if size else None


class House(Site):
    """Two accounts, `acme` and `other`, and their ledger."""

    def __init__(self, db: Database, clock: HandClock) -> None:
        super().__init__(db, clock)
        self.clock = clock
        self.books = PriceBooks(db)
        self.billing = Billing(db, self.books, subject_of, clock)
        self._num_events = 0
        self.open(routes(self.billing, self.accounts, self.caller))

    def entry(
        self,
        when: datetime,
        *,
        model: str = SMALL,
        tokens: tuple[int, int, int] = (1000, 0, 500),
        account_id: str = "acme",
        user_id: str = "ann",
        discount: Discount = Discount.NONE,
        outcome: Outcome = Outcome.STOP,
    ) -> Entry:
        """A priced request; the tokens are those of the prompt, from a cache, and of the answer."""
        self._num_events += 1
        subject = subject_of(model, Unit.TOKENS)
        quote = subject and self.books.quote(account_id, to_ns(when), subject, discount)
        begin = Begin(
            request_id=f"r-{self._num_events:08}",
            time_ns=to_ns(when),
            account_id=account_id,
            user_id=user_id,
            key_id=self.key_ids.get(user_id, "key-x"),
            model=model,
            served_by=model,
            route="/chat/completions",
            price_version=quote.version if quote else "",
            price=quote.price if quote else "",
            discount_bp=quote.discount_bp if quote else 0,
        )
        settle = Settle(
            request_id=begin.request_id,
            time_ns=begin.time_ns + 10**9,
            outcome=outcome,
            prompt_tokens=tokens[0],
            cached_tokens=tokens[1],
            completion_tokens=tokens[2],
            http_status=200,
            cost_nano=quote.rate.of_tokens(*tokens) if quote else 0,
        )
        return Entry(begin, settle)

    async def use(self, *entries: Entry) -> int:
        """Bring entries into the ledger; returns what they cost, in nano-USD."""
        await apply(self.db, "gateway-1", entries)
        return sum(entry.settle.cost_nano for entry in entries)


@pytest.fixture
def clock() -> HandClock:
    """Stands on 2026-01-31, noon."""
    return HandClock()


@pytest.fixture
async def house(db: Database, clock: HandClock) -> House:
    """Both accounts, without users."""
    house = House(db, clock)
    await house.accounts.create_account("acme", display_name="Acme", email="it@acme.test")
    await house.accounts.create_account("other")
    return house


@pytest.fixture
async def admin(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """The client of `acme`'s admin, `ann`."""
    async with house.client(await house.add_user("acme", "ann", Role.ADMIN)) as client:
        yield client


@pytest.fixture
async def bob(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """The client of `bob`, a plain user of `acme`."""
    async with house.client(await house.add_user("acme", "bob", Role.USER)) as client:
        yield client


@pytest.fixture
async def stranger(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """The client of the admin of `other`."""
    async with house.client(await house.add_user("other", "eve", Role.ADMIN)) as client:
        yield client
