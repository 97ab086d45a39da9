"""Lists in memory: the same filters, orders and pages as in SQL, on the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Engine,
    MetaData,
    Table,
    create_engine,
    delete,
    insert,
    select,
)

from hearth.errors import InvalidRequest
from hearth.kit.columns import TEXT, UtcTime
from hearth.kit.filters import compile_filter
from hearth.kit.listing import compile_predicate, select_page, struct_fields
from hearth.kit.ordering import parse_order
from hearth.kit.pages import ListQuery, Page

things = Table(
    "things",
    MetaData(),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("display_name", TEXT),
    Column("steps", BigInteger),
    Column("score", Double),
    Column("is_public", Boolean),
    Column("create_time", UtcTime),
)
COLUMNS = {column.name: column for column in things.columns}


class Colour(StrEnum):
    """An enum, which lists see as text."""

    RED = "RED"
    BLUE = "BLUE"


class Part(Struct, frozen=True, kw_only=True, rename="camel"):
    """Something inside a thing."""

    weight_kg: float = 1.0


class Thing(Struct, frozen=True, kw_only=True, rename="camel"):
    """A field of every kind; any of them may be without a value."""

    id: int
    display_name: str | None = None
    steps: int | None = None
    score: float | None = None
    is_public: bool | None = None
    create_time: datetime | None = None
    colour: Colour = Colour.RED
    part: Part | None = None
    labels: dict[str, str] = {}


FIELDS = struct_fields(Thing)

texts = st.text(alphabet="aAbB*%_\\é ", max_size=4)
numbers = st.integers(-3, 3)
halves = numbers.map(lambda number: number / 2)
days = st.integers(1, 4).map(lambda day: datetime(2026, 1, day, tzinfo=UTC))


@st.composite
def some_things(draw: st.DrawFn) -> list[Thing]:
    drawn = [
        Thing(
            id=number,
            display_name=draw(st.none() | texts),
            steps=draw(st.none() | numbers),
            score=draw(st.none() | halves),
            is_public=draw(st.none() | st.booleans()),
            create_time=draw(st.none() | days),
        )
        for number in range(draw(st.integers(0, 6)))
    ]
    return draw(st.permutations(drawn))


@st.composite
def restrictions(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(["display_name", "steps", "score", "isPublic", "createTime"]))
    sign = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">=", ":"]))
    if name == "isPublic" and sign not in {"=", "!=", ":"}:
        sign = "="
    if sign == ":" and draw(st.booleans()):
        return f"{name}:*"
    written = {
        "display_name": texts.map(lambda text: '"' + text.replace("\\", "\\\\") + '"'),
        "steps": numbers.map(str) | halves.map(str),
        "score": halves.map(str),
        "isPublic": st.sampled_from(["true", "false"]),
        "createTime": days.map(lambda day: day.isoformat()),
    }
    return f"{name} {sign} {draw(written[name])}"


filters = st.recursive(
    restrictions(),
    lambda parts: st.one_of(
        parts.map(lambda part: f"NOT ({part})"),
        st.lists(parts, min_size=2, max_size=3).map(lambda all_: f"({' AND '.join(all_)})"),
        st.lists(parts, min_size=2, max_size=3).map(lambda all_: f"({' OR '.join(all_)})"),
    ),
    max_leaves=5,
)
orders = st.lists(
    st.tuples(
        st.sampled_from(["display_name", "steps", "score", "is_public", "createTime"]),
        st.sampled_from(["", " desc"]),
    ),
    max_size=3,
).map(lambda keys: ",".join("".join(key) for key in keys))


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = create_engine("sqlite://")
    things.metadata.create_all(engine)
    yield engine
    engine.dispose()


def in_sql(engine: Engine, all_: Sequence[Thing], source: str, order: str) -> list[int]:
    keys = parse_order(order, COLUMNS, ["id"])
    query = select(things.c.id).where(compile_filter(source, COLUMNS))
    with engine.begin() as conn:
        conn.execute(delete(things))
        rows = [{name: getattr(each, name) for name in COLUMNS} for each in all_]
        if rows:
            conn.execute(insert(things), rows)
        return list(conn.execute(query.order_by(*(key.clause() for key in keys))).scalars())


def page(all_: Sequence[Thing], scope: str = "things", **query: object) -> Page[Thing]:
    asked = ListQuery(**query)  # type: ignore[arg-type]
    return select_page(all_, FIELDS, ["id"], asked, scope=scope)


@given(all_=some_things(), source=filters, order=orders, size=st.integers(1, 4))
def test_pages_in_memory_join_to_what_sql_finds(
    engine: Engine, all_: list[Thing], source: str, order: str, size: int
) -> None:
    seen: list[int] = []
    token, is_first = "", True
    while token or is_first:
        is_first = False
        cut = page(all_, filter=source, order_by=order, page_size=size, page_token=token)
        seen += [thing.id for thing in cut.items]
        token = cut.next_page_token

    assert seen == in_sql(engine, all_, source, order)
    assert cut.total_size == len(seen)


def test_enums_parts_and_missing_parts_can_be_asked_for() -> None:
    red = Thing(id=1, part=Part(weight_kg=3.0))
    blue = Thing(id=2, colour=Colour.BLUE)

    def found(source: str) -> list[int]:
        return [thing.id for thing in page([blue, red], filter=source).items]

    assert found("colour = BLUE") == [2]
    assert found("part.weightKg > 2") == [1]
    assert found("NOT part.weight_kg:*") == [2]


def test_a_page_goes_on_after_what_it_ended_with_though_that_is_gone() -> None:
    all_ = [Thing(id=number) for number in range(4)]
    first = page(all_, page_size=2)

    rest = page(all_[2:], page_token=first.next_page_token)

    assert [thing.id for thing in rest.items] == [2, 3]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"filter": "colour ="}, "filter"),
        ({"filter": "labels = a"}, "filter"),
        ({"filter": "steps = many"}, "filter"),
        ({"order_by": "nothing"}, "orderBy"),
        ({"page_token": "x"}, "pageToken"),
    ],
)
def test_what_cannot_be_listed_is_refused_by_the_parameter(
    query: dict[str, str], param: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        page([Thing(id=1)], **query)

    assert caught.value.param == param


def test_a_token_is_good_for_its_own_list_alone() -> None:
    token = page([Thing(id=1), Thing(id=2)], page_size=1).next_page_token

    with pytest.raises(InvalidRequest, match="another list"):
        page([Thing(id=1)], scope="others", page_token=token)


def test_a_fault_is_pointed_at() -> None:
    with pytest.raises(InvalidRequest) as unreadable:
        compile_predicate("steps = 1 AND )", FIELDS)
    with pytest.raises(InvalidRequest) as unknown:
        compile_predicate("steps = 1 AND size = 2", FIELDS)

    assert "at column 15, before ')'" in unreadable.value.message
    assert unreadable.value.details == "steps = 1 AND )\n              ^"
    assert unknown.value.details == "steps = 1 AND size = 2\n              ^"
