"""Price books as files: what is read, and what is refused with which word."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hearth.catalog import Catalog
from hearth.errors import InvalidRequest
from hearth.pricing import (
    PriceBook,
    Source,
    Unit,
    format_usd,
    parse_book,
    parse_usd,
    shipped_book,
)

NOW = datetime(2027, 1, 1, tzinfo=UTC)
MODEL = "accounts/fireworks/models/known"
BOOKS = {shipped_book().version: shipped_book()}
SOURCE = Source(now=NOW, book=BOOKS.get, is_model=lambda name: name == MODEL)

HEAD = 'version = "mine"\n'
PRICE = """
[[prices]]
id = "small"
unit = "tokens"
per = 1_000_000
amount = "0.10"
"""


def refused(text: str) -> tuple[str | None, str]:
    """The field and the message of a book that is refused."""
    with pytest.raises(InvalidRequest) as caught:
        parse_book(text, SOURCE)
    return caught.value.param, caught.value.message


def test_a_book_is_read_in_dollars_and_percents() -> None:
    head = HEAD + 'cached_discount_percent = "12.5"\nbatch_discount_percent = "0"\n'
    more = 'output_amount = "1.000000001"\nminimum = "0.5"\n'
    models = f'[models]\n"{MODEL}" = "small"\n'

    book = parse_book(head + PRICE + more + models, SOURCE)

    (price,) = book.prices
    assert (price.id, price.unit, price.per) == ("small", Unit.TOKENS, 10**6)
    assert (price.amount, price.output_amount, price.minimum) == (10**8, 10**9 + 1, 5 * 10**8)
    discounts = book.cached_discount_bp, book.batch_discount_bp, book.repeat_discount_bp
    assert discounts == (1250, 0, 10_000)
    assert book.models == {MODEL: "small"}
    assert book.effective_time == NOW, "at once, unless it says when"


def test_a_book_says_when_it_takes_effect() -> None:
    text = HEAD + "effective_time = 2027-02-01T00:00:00+02:00\n" + PRICE

    assert parse_book(text, SOURCE).effective_time == datetime(2027, 1, 31, 22, tzinfo=UTC)


def test_a_book_that_extends_another_states_only_what_differs() -> None:
    below = shipped_book()
    text = HEAD + f'extends = "{below.version}"\nbatch_discount_percent = "40"\n'
    changed = PRICE.replace("small", "text-under-4b").replace("0.10", "0.07")

    book = parse_book(text + PRICE + changed, SOURCE)

    prices = {price.id: price for price in book.prices}
    assert set(prices) == {price.id for price in below.prices} | {"small"}
    assert prices["text-under-4b"].amount == 7 * 10**7
    unchanged = [price for price in below.prices if price.id != "text-under-4b"]
    assert all(prices[price.id] == price for price in unchanged)
    assert (book.version, book.effective_time) == ("mine", NOW)
    assert (book.batch_discount_bp, book.cached_discount_bp) == (4000, 5000)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('"-0.10"', "negative"),
        ('"1000000.01"', "over a million dollars"),
        ('"1.01e3"', "decimal"),
        ('"NaN"', "decimal"),
        ('"Infinity"', "decimal"),
        ('"0.0000000001"', "finer than a billionth"),
        ('"0,10"', "decimal"),
        ('""', "decimal"),
        ('"\\u0661.10"', "decimal"),
        ("0.10", "in quotes"),
        ("1", "in quotes"),
        ("true", "in quotes"),
        ("[]", "in quotes"),
        (f'"0.{"1" * 100}"', "decimal"),
    ],
)
@pytest.mark.parametrize("field", ["amount", "output_amount", "cached_amount", "minimum"])
def test_an_amount_that_is_none_is_named(field: str, written: str, message: str) -> None:
    without = PRICE.replace('amount = "0.10"\n', "" if field == "amount" else 'amount = "0.10"\n')

    param, said = refused(HEAD + PRICE.replace("small", "first") + without + f"{field} = {written}")

    assert param == f"prices[1].{field}"
    assert said.startswith(f"prices[1].{field} ")
    assert message in said


@pytest.mark.parametrize(
    ("text", "param", "message"),
    [
        (HEAD, "prices", "empty"),
        (HEAD + "prices = 3", "prices", "[[prices]]"),
        (PRICE, None, "version"),
        ('version = ""\n' + PRICE, "version", "does not fit"),
        ('version = "a b"\n' + PRICE, "version", "does not fit"),
        (HEAD + 'currency = "EUR"\n' + PRICE, "currency", "USD"),
        (HEAD + "effective_time = 2027-02-01T00:00:00\n" + PRICE, "effective_time", "timezone"),
        (HEAD + "effective_time = 2027-02-01\n" + PRICE, "effective_time", "datetime"),
        (HEAD + "effective_time = 0001-01-01T00:00:00+14:00\n" + PRICE, "effective_time", "years"),
        (HEAD + "effective_time = 9999-12-31T23:59:59-14:00\n" + PRICE, "effective_time", "years"),
        (HEAD + 'batch_discount_percent = "101"\n' + PRICE, "batch_discount_percent", "100"),
        (HEAD + 'batch_discount_percent = "-1"\n' + PRICE, "batch_discount_percent", "100"),
        (HEAD + "batch_discount_percent = 50\n" + PRICE, "batch_discount_percent", "quotes"),
        (HEAD + 'extends = "none"\n' + PRICE, "extends", "none"),
        (HEAD + "extends = 3\n" + PRICE, "extends", "3"),
        (HEAD + "surprise = 1\n" + PRICE, None, "surprise"),
        (HEAD + PRICE + "surprise = 1\n", "prices[0]", "surprise"),
        (HEAD + PRICE.replace('"tokens"', '"hours"'), "prices[0].unit", "hours"),
        (HEAD + PRICE.replace("1_000_000", "0"), "prices[0].per", "does not fit"),
        (HEAD + PRICE.replace("1_000_000", "1.5"), "prices[0].per", "does not fit"),
        (HEAD + PRICE.replace("small", "Small Talk"), "prices[0].id", "does not fit"),
        (HEAD + PRICE + PRICE, "prices[0].id", "more than once"),
        (
            HEAD + PRICE.replace("0.10", "1000000").replace("1_000_000", "1"),
            "prices[0].amount",
            "a dollar for one",
        ),
        (HEAD + PRICE + 'cached_amount = "0.11"\n', "prices[0].cached_amount", "extra"),
        (
            HEAD + PRICE.replace("tokens", "audio_ms") + 'output_amount = "1"\n',
            "prices[0].output_amount",
            "tokens only",
        ),
        (
            HEAD + PRICE.replace("tokens", "embedding_tokens") + 'cached_amount = "0"\n',
            "prices[0].cached_amount",
            "tokens only",
        ),
        (
            HEAD + PRICE + f'[models]\n"{MODEL}" = "large"\n',
            f"models.{MODEL}",
            "no price of the book",
        ),
        (
            HEAD + PRICE + '[models]\n"accounts/a/models/b" = "small"\n',
            "models.accounts/a/models/b",
            "no model",
        ),
        (HEAD + PRICE + "[models]\nx = 3\n", "models[...]", "does not fit"),
        ("version = ", None, "not TOML"),
        ("version = " + "[" * 10_000, None, "not TOML"),
        (f"{HEAD}per = {'9' * 5000}", None, "not TOML"),
        (HEAD + PRICE.replace("1_000_000", "9" * 30), "prices[0].per", "does not fit"),
    ],
)
def test_a_book_that_cannot_be_is_refused_by_its_field(
    text: str, param: str | None, message: str
) -> None:
    found, said = refused(text)

    assert found == param
    assert message in said
    assert said.startswith(param or "The price book")
    assert said.count("\n") == 0


def test_the_book_of_the_guide_can_be_added() -> None:
    guide = Path(__file__).parents[2] / "docs" / "guides" / "prices.md"
    (text,) = re.findall(r"^```toml\n(.*?)^```", guide.read_text(), re.MULTILINE | re.DOTALL)
    names = {model.name for model in Catalog.load().models}

    book = parse_book(text, Source(now=NOW, book=BOOKS.get, is_model=names.__contains__))

    (changed,) = (price for price in book.prices if price.id == "text-under-4b")
    assert (changed.output_amount, changed.cached_amount) == (16 * 10**7, 2 * 10**7)


@given(st.text(max_size=30) | st.from_regex(r"[+-]?[0-9]{0,17}\.?[0-9]{0,32}", fullmatch=True))
def test_dollars_are_read_exactly_or_refused(text: str) -> None:
    try:
        nano = parse_usd(text)
    except ValueError:
        return

    assert Decimal(text).scaleb(9) == nano


@given(st.integers(-(10**18), 10**18))
def test_an_amount_is_shown_exactly(nano: int) -> None:
    shown = format_usd(nano)

    assert parse_usd(shown.replace("$", "").replace(",", "")) == nano
    assert len(shown.partition(".")[2]) >= 2


def test_amounts_look_as_on_a_price_tag() -> None:
    tags = [format_usd(nano) for nano in (0, 1, 10**8, 3 * 10**9, -1_234_500_000_000)]

    assert tags == ["$0.00", "$0.000000001", "$0.10", "$3.00", "-$1,234.50"]


def test_the_shipped_book_says_of_itself_what_an_added_one_must() -> None:
    book: PriceBook = shipped_book()

    text = f'version = "copy"\nextends = "{book.version}"\n'

    assert parse_book(text, SOURCE).prices == book.prices
