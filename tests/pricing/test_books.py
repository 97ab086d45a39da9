"""Which book is in force for whom and when, and how books come in."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hearth.errors import Conflict, InvalidRequest
from hearth.kit.clock import to_ns
from hearth.kit.db import Database
from hearth.kit.versions import read_versions
from hearth.pricing import (
    EVERYONE,
    PRICES_VERSION,
    AddedBook,
    Discount,
    Price,
    PriceBook,
    PriceBooks,
    Shelf,
    Subject,
    Unit,
    add_book,
    shipped_book,
)

NOW = datetime(2027, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SHIPPED = shipped_book()


def book(version: str, effective: datetime = NOW, *, amount: int = 100) -> PriceBook:
    price = Price(id="text-under-4b", unit=Unit.TOKENS, per=1, amount=amount)
    return PriceBook(version=version, effective_time=effective, prices=(price,))


async def add(db: Database, added: PriceBook, account_id: str = EVERYONE) -> None:
    async with db.write() as conn:
        await add_book(conn, added, account_id=account_id, now=NOW)


async def loaded(db: Database) -> PriceBooks:
    books = PriceBooks(db)
    await books.refresh()
    return books


async def test_an_added_book_takes_over_when_it_takes_effect(db: Database) -> None:
    books = await loaded(db)
    begin = to_ns(NOW + HOUR)
    assert books.at("acme", begin) == SHIPPED

    await add(db, book("next", NOW + HOUR))
    await books.refresh()

    assert books.at("acme", begin - 1) == SHIPPED
    assert books.at("acme", begin) == book("next", NOW + HOUR)
    assert books.at("acme", begin - 1) == SHIPPED, "asked again about the past"
    assert (books.version("next"), books.version("none")) == (book("next", NOW + HOUR), None)
    assert books.version(SHIPPED.version) == SHIPPED


async def test_books_follow_their_times_and_not_their_names(db: Database) -> None:
    for hours, version in ((2, "a"), (1, "b"), (3, "c")):
        await add(db, book(version, NOW + hours * HOUR))
    books = await loaded(db)

    in_force = [books.at("acme", to_ns(NOW + hours * HOUR)).version for hours in range(1, 4)]

    assert in_force == ["b", "a", "c"]


async def test_the_plan_of_an_account_is_its_own(db: Database) -> None:
    await add(db, book("plan", NOW + HOUR), "acme")
    await add(db, book("later", NOW + 2 * HOUR))
    books = await loaded(db)

    at = {
        account: [books.at(account, to_ns(NOW + hours * HOUR)).version for hours in range(4)]
        for account in ("acme", "other", EVERYONE)
    }

    assert at["acme"] == [SHIPPED.version, "plan", "plan", "plan"]
    assert at["other"] == at[EVERYONE] == [SHIPPED.version, SHIPPED.version, "later", "later"]


async def test_snapshots_learn_of_a_book_by_its_version_row(db: Database) -> None:
    await add(db, book("one"))
    first = (await read_versions(db))[PRICES_VERSION]

    await add(db, book("two", NOW + HOUR))

    assert (await read_versions(db))[PRICES_VERSION] == first + 1


@pytest.mark.parametrize(
    ("version", "effective", "account", "param"),
    [
        ("taken", NOW + HOUR, "other", "version"),
        (SHIPPED.version, NOW + HOUR, "acme", "version"),
        ("new", NOW, "acme", "effective_time"),
    ],
)
async def test_a_version_and_a_moment_are_given_once(
    db: Database, version: str, effective: datetime, account: str, param: str
) -> None:
    await add(db, book("taken"), "acme")
    await add(db, book("same-moment-for-everyone"))

    with pytest.raises(Conflict) as caught:
        await add(db, book(version, effective), account)

    assert caught.value.param == param
    assert len((await loaded(db)).added) == 2


async def test_of_two_that_add_the_same_at_once_one_is_told(db: Database) -> None:
    done = await asyncio.gather(
        *(add(db, book(version)) for version in ("one", "two", "one")), return_exceptions=True
    )

    assert [type(each) for each in done if each is not None] == [Conflict, Conflict]
    assert len((await loaded(db)).added) == 1


async def test_moments_are_compared_whatever_zone_they_are_written_in(db: Database) -> None:
    await add(db, book("one", NOW + HOUR))

    with pytest.raises(Conflict):
        await add(db, book("two", (NOW + HOUR).astimezone(timezone(2 * HOUR))))


async def test_no_book_takes_effect_in_the_past(db: Database) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await add(db, book("old", NOW - timedelta(microseconds=1)))

    assert caught.value.param == "effective_time"
    assert (await loaded(db)).added == []


@pytest.mark.parametrize("change", ["UPDATE price_books SET body = ''", "DELETE FROM price_books"])
async def test_the_database_itself_keeps_books_as_they_are(db: Database, change: str) -> None:
    await add(db, book("kept"))

    with pytest.raises(DBAPIError, match="may only be added to"):
        async with db.write() as conn:
            await conn.execute(text(change))

    assert (await loaded(db)).version("kept") == book("kept")


async def test_quotes_follow_the_book_in_force(db: Database) -> None:
    await add(db, book("cheap", NOW + HOUR, amount=7), "acme")
    books = await loaded(db)
    subject = Subject(parameters=10**9)

    before = books.quote("acme", to_ns(NOW), subject)
    after = books.quote("acme", to_ns(NOW + HOUR), subject)

    assert before is not None
    assert after is not None
    assert (before.version, before.rate.of_tokens(3, 0, 0)) == (SHIPPED.version, 300)
    assert (after.version, after.price, after.rate.of_tokens(3, 0, 0)) == (
        "cheap",
        "text-under-4b",
        21,
    )
    assert books.quote("acme", to_ns(NOW + HOUR), Subject(parameters=10**11)) is None
    half = books.quote("acme", to_ns(NOW + HOUR), subject, Discount.BATCH)
    assert half is not None
    assert (half.discount_bp, half.rate.of_tokens(4, 0, 0)) == (5000, 14)


def test_a_book_without_the_named_price_falls_back_to_the_class() -> None:
    shelf = Shelf(book("plain"))

    found = shelf.quote("acme", 0, Subject(parameters=10**9, price_class="deepseek-r1-fast"))

    assert found is not None
    assert found.price == "text-under-4b"


def test_a_price_that_the_book_names_for_a_model_wins() -> None:
    gift = Price(id="gift", unit=Unit.TOKENS, per=1, amount=0)
    named = PriceBook(
        version="named",
        effective_time=NOW,
        prices=(*SHIPPED.prices, gift),
        models={"accounts/a/models/b": "gift"},
    )
    shelf = Shelf(named)

    def price(model: str, unit: Unit = Unit.TOKENS) -> str:
        subject = Subject(model=model, unit=unit, parameters=10**9, price_class="qwen3-30b")
        found = shelf.quote("acme", 0, subject)
        assert found is not None
        return found.price

    assert price("accounts/a/models/b") == "gift"
    assert price("accounts/a/models/c") == "qwen3-30b"
    assert price("accounts/a/models/b", Unit.TRAINING_TOKENS) == "training-up-to-16b"


MOMENTS = st.integers(0, 12)
PLANS = st.dictionaries(st.tuples(st.sampled_from(["", "a", "b"]), MOMENTS), st.none(), max_size=9)


@given(PLANS, st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), MOMENTS), max_size=20))
def test_at_every_moment_the_latest_book_of_the_plan_is_in_force(
    plans: dict[tuple[str, int], None], asked: list[tuple[str, int]]
) -> None:
    added = [
        AddedBook(
            account_id=account,
            effective_time_ns=moment,
            create_time_ns=0,
            book=book(f"{account}{moment}"),
        )
        for account, moment in sorted(plans, key=lambda plan: plan[1])
    ]
    shelf = Shelf(SHIPPED, added)

    for account, moment in asked:
        begun = [plan for plan in plans if plan[1] <= moment and plan[0] in {"", account}]
        own = [plan for plan in begun if plan[0] == account]
        latest = max(own or begun, key=lambda plan: plan[1], default=None)
        expected = f"{latest[0]}{latest[1]}" if latest else SHIPPED.version
        assert shelf.at(account, moment).version == expected
