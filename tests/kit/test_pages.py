"""Pages: together they hold every row once, in order, whatever their size."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Boolean, Column, Double, MetaData, Table, delete, insert, select

from hearth.errors import InvalidRequest
from hearth.kit.columns import TEXT, UtcTime
from hearth.kit.db import Database
from hearth.kit.fields import Fields
from hearth.kit.pages import MAX_PAGE_SIZE, ListQuery, Page, fetch_page, list_query

rows = Table(
    "rows",
    MetaData(),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("state", TEXT),
    Column("score", Double),
    Column("is_public", Boolean),
    Column("create_time", UtcTime),
)
FIELDS: Fields = {column.name: column for column in rows.columns}
START = datetime(2026, 1, 31, 12, tzinfo=UTC)
NUM_ROWS = 60


def row(number: int) -> dict[str, object]:
    """Many ties, some gaps, letters of either case, and moments a microsecond apart."""
    return {
        "id": number,
        "state": [None, "", "Ready", "ready", "FAILED", "é"][number % 6],
        "score": [None, 0.1, -1e-9, 1 / 3][number % 4],
        "is_public": [None, True, False][number % 3],
        "create_time": None if number % 7 == 0 else START + timedelta(microseconds=number % 5),
    }


def sort_value(value: object) -> tuple[bool, Any]:
    return (value is not None, 0 if value is None else value)


def expected(order: list[tuple[str, bool]]) -> list[int]:
    ordered = [row(number) for number in range(NUM_ROWS)]
    for name, is_descending in reversed(order):
        ordered.sort(key=lambda r: sort_value(r[name]), reverse=is_descending)
    return [int(str(r["id"])) for r in ordered]


class Rows:
    """The table, in a database of its own."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def page(self, query: ListQuery) -> Page[int]:
        async with self.db.read() as conn:
            page = await fetch_page(conn, select(rows), FIELDS, ["id"], query)
        return page.map(lambda found: int(found.id))

    async def all_pages(self, query: ListQuery) -> AsyncIterator[Page[int]]:
        token = ""
        while True:
            page = await self.page(
                ListQuery(
                    page_size=query.page_size,
                    page_token=token,
                    filter=query.filter,
                    order_by=query.order_by,
                )
            )
            yield page
            if not (token := page.next_page_token):
                return


async def make_rows(db: Database) -> Rows:
    async with db.write() as conn:
        await conn.run_sync(rows.metadata.create_all)
        await conn.execute(insert(rows), [row(number) for number in range(NUM_ROWS)])
    return Rows(db)


@pytest.fixture
async def table(empty_db: Database) -> Rows:
    return await make_rows(empty_db)


@pytest.fixture
def runner(empty_url: str) -> Iterator[tuple[asyncio.Runner, Rows]]:
    """The rows for properties, which hypothesis runs outside any event loop."""
    with asyncio.Runner() as runner:
        db = Database(empty_url)
        yield runner, runner.run(make_rows(db))
        runner.run(db.close())


ORDERS = st.lists(
    st.tuples(st.sampled_from(["state", "score", "is_public", "create_time"]), st.booleans()),
    max_size=3,
    unique_by=lambda key: key[0],
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(order=ORDERS, page_size=st.integers(1, NUM_ROWS + 5))
def test_every_row_is_listed_once_in_order(
    runner: tuple[asyncio.Runner, Rows], order: list[tuple[str, bool]], page_size: int
) -> None:
    order_by = ", ".join(f"{name} desc" if is_desc else name for name, is_desc in order)

    async def walk() -> list[Page[int]]:
        query = ListQuery(page_size=page_size, order_by=order_by)
        return [page async for page in runner[1].all_pages(query)]

    pages = runner[0].run(walk())

    assert [number for page in pages for number in page.items] == expected(order)
    assert {page.total_size for page in pages} == {NUM_ROWS}
    assert all(len(page.items) == page_size for page in pages[:-1])
    assert len(pages[-1].items) > 0


async def test_rows_that_stay_are_listed_once_while_others_come_and_go(table: Rows) -> None:
    seen: list[int] = []
    async for page in table.all_pages(ListQuery(page_size=7, order_by="create_time desc")):
        seen += page.items
        async with table.db.write() as conn:
            await conn.execute(delete(rows).where(rows.c.id == page.items[0]))
            new = {**row(1), "id": 1000 + page.items[0]}
            await conn.execute(insert(rows).values(**new))

    old = [number for number in seen if number < 1000]
    assert sorted(old) == list(range(NUM_ROWS))


async def test_a_filter_counts_and_pages_what_it_finds(table: Rows) -> None:
    query = ListQuery(page_size=4, filter="state = Ready AND id > 10", order_by="id desc")
    pages = [page async for page in table.all_pages(query)]

    wanted = [n for n in range(NUM_ROWS - 1, 10, -1) if n % 6 == 2]
    assert [number for page in pages for number in page.items] == wanted
    assert {page.total_size for page in pages} == {len(wanted)}


async def test_a_token_belongs_to_its_query(table: Rows) -> None:
    first = await table.page(ListQuery(page_size=5, order_by="state"))
    token = first.next_page_token

    for query in (
        ListQuery(page_token=token),
        ListQuery(page_token=token, order_by="state desc"),
        ListQuery(page_token=token, order_by="state", filter="id > 1"),
    ):
        with pytest.raises(InvalidRequest, match="another list") as caught:
            await table.page(query)
        assert caught.value.param == "pageToken"

    # Only the size may change on the way.
    second = await table.page(ListQuery(page_size=3, page_token=token, order_by="state"))
    assert [*first.items, *second.items] == expected([("state", False)])[:8]


def forged(token: str, value: object) -> str:
    binding, *_ = json.loads(base64.urlsafe_b64decode(token))
    return base64.urlsafe_b64encode(json.dumps([binding, value, 1]).encode()).decode()


@pytest.mark.parametrize(
    "value", [5, "yesterday", "2026-01-01T00:00:00", "0001-01-01T00:00:00+10:00", [], {}, True]
)
async def test_a_forged_token_is_a_bad_request(table: Rows, value: object) -> None:
    order = "create_time desc"
    page = await table.page(ListQuery(page_size=5, order_by=order))
    bad = forged(page.next_page_token, value)

    for token in (bad, bad[:-3], "x", "é", "a" * 5000, "e30="):
        with pytest.raises(InvalidRequest) as caught:
            await table.page(ListQuery(page_token=token, order_by=order))
        assert caught.value.param == "pageToken"


async def test_forged_values_no_database_can_hold_are_bad_requests(table: Rows) -> None:
    impossible: dict[str, list[object]] = {
        "id": [2**63, 1.5, "1"],
        "state": ["a\x00b", 1],
        "score": ["1"],
        "is_public": [1],
    }
    for order, values in impossible.items():
        page = await table.page(ListQuery(page_size=5, order_by=order))
        for value in values:
            token = forged(page.next_page_token, value)
            with pytest.raises(InvalidRequest) as caught:
                await table.page(ListQuery(page_token=token, order_by=order))
            assert caught.value.param == "pageToken"


@pytest.mark.parametrize("order", ["colour", "id up", "id,,state", ",", "id desc desc", "a" * 300])
async def test_a_bad_order_names_the_parameter(table: Rows, order: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await table.page(ListQuery(order_by=order))

    assert caught.value.param == "orderBy"


async def test_fields_are_named_in_either_case(table: Rows) -> None:
    camel = await table.page(ListQuery(order_by="createTime desc,isPublic"))
    snake = await table.page(ListQuery(order_by="create_time desc,is_public"))

    assert camel.items == snake.items


@pytest.mark.parametrize(
    ("written", "size"),
    [("", 50), ("0", 50), ("1", 1), ("200", 200), ("201", MAX_PAGE_SIZE), ("999999999", 200)],
)
def test_page_sizes_are_clamped(written: str, size: int) -> None:
    assert list_query({"pageSize": written}).page_size == size
    assert list_query({}).page_size == 50


@pytest.mark.parametrize("written", ["-1", "1.5", "ten", "٣", " 1", "1" * 5000])
def test_a_page_size_that_is_no_number_is_a_bad_request(written: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        list_query({"pageSize": written})

    assert caught.value.param == "pageSize"
