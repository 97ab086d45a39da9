"""Filters: what a person writes finds exactly the rows that a reader of AIP-160 expects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Engine,
    MetaData,
    Table,
    create_engine,
    insert,
    select,
)

from hearth.errors import InvalidRequest
from hearth.kit.columns import TEXT, UtcTime
from hearth.kit.fields import Fields
from hearth.kit.filter_syntax import MAX_FILTER_CHARS
from hearth.kit.filters import compile_filter
from tests.postgres import Postgres

things = Table(
    "things",
    MetaData(),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("state", TEXT),
    Column("display_name", TEXT),
    Column("steps", BigInteger),
    Column("score", Double),
    Column("is_public", Boolean),
    Column("create_time", UtcTime),
)
FIELDS: Fields = {column.name: column for column in things.columns}


def day(number: int) -> datetime:
    return datetime(2026, 1, number, 12, tzinfo=UTC)


ROWS: list[dict[str, object]] = [
    {"id": 1, "state": "READY", "display_name": "My First Model", "steps": 1, "score": 0.5,
     "is_public": True, "create_time": day(1)},
    {"id": 2, "state": "READY", "display_name": "50%_off", "steps": -7, "score": -1.5,
     "is_public": False, "create_time": day(2)},
    {"id": 3, "state": "FAILED", "display_name": 'say "hi"', "steps": 2**62, "score": 1e300,
     "is_public": False, "create_time": day(3)},
    {"id": 4, "state": "", "display_name": "ready", "steps": 0, "score": 0.0,
     "is_public": True, "create_time": day(2)},
    {"id": 5, "state": None, "display_name": None, "steps": None, "score": None,
     "is_public": None, "create_time": None},
]  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "sqlite":
        engine = create_engine("sqlite://")
    else:
        server: Postgres = request.getfixturevalue("postgres")
        server.run("CREATE DATABASE filters TEMPLATE template0")
        engine = create_engine(server.url("filters").replace("://", "+psycopg://"))
    things.metadata.create_all(engine)
    with engine.begin() as conn:
        conn.execute(insert(things), ROWS)
    yield engine
    engine.dispose()


def found(engine: Engine, source: str) -> list[int]:
    query = select(things.c.id).where(compile_filter(source, FIELDS)).order_by(things.c.id)
    with engine.connect() as conn:
        return list(conn.execute(query).scalars())


@pytest.mark.parametrize(
    ("source", "ids"),
    [
        ("", [1, 2, 3, 4, 5]),
        ("  ", [1, 2, 3, 4, 5]),
        ("state=READY", [1, 2]),
        ('state = "READY"', [1, 2]),
        ("state='READY'", [1, 2]),
        ("state != READY", [3, 4, 5]),
        ("NOT state = READY", [3, 4, 5]),
        ("-state = READY", [3, 4, 5]),
        ('state = ""', [4]),
        ("state:*", [1, 2, 3]),
        ("NOT state:*", [4, 5]),
        ("state < READY", [3, 4]),
        ("state >= FAILED", [1, 2, 3]),
        ("state = REA*", [1, 2]),
        ("state = *ED", [3]),
        ("state = *EA*", [1, 2]),
        ("state = rea*", []),
        ("state != *EA*", [3, 4, 5]),
        ("state = *", [1, 2, 3, 4]),
        ('display_name:"first mod"', [1]),
        ("displayName:READY", [4]),
        ("display_name:%", [2]),
        ("display_name:_", [2]),
        (r'display_name = "say \"hi\""', [3]),
        ("display_name = 'say \"hi\"'", [3]),
        ("steps = 1", [1]),
        ('steps = "1"', [1]),
        ("steps > -7 AND steps < 10", [1, 4]),
        ("steps >= 4611686018427387904", [3]),
        ("steps > 0.5", [1, 3]),
        ("steps:1", [1]),
        ("score <= -1.5", [2]),
        ("score = 1e300", None),
        ("score = .5", [1]),
        ("is_public = true", [1, 4]),
        ("isPublic != true", [2, 3, 5]),
        ("is_public:*", [1, 2, 3, 4]),
        ('create_time > "2026-01-01T12:00:00Z"', [2, 3, 4]),
        ("createTime<=2026-01-02T13:00:00+01:00", [1, 2, 4]),
        ("create_time = 2026-01-03T12:00:00.000Z", [3]),
        ("NOT create_time < 2026-01-03T00:00:00Z", [3, 5]),
        # OR binds tighter than AND.
        ("state = READY AND steps = 0 OR steps = 1", [1]),
        ("steps = 0 OR steps = 1 AND state = READY", [1]),
        ("(state = READY AND steps = -7) OR steps = 0", [2, 4]),
        ("NOT (state = READY OR state = FAILED)", [4, 5]),
        ("NOTE = 1", None),
        ("state = READY\n AND\tsteps=1", [1]),
    ],
)
def test_a_filter_finds_what_it_says(engine: Engine, source: str, ids: list[int] | None) -> None:
    if ids is None:
        with pytest.raises(InvalidRequest):
            found(engine, source)
    else:
        assert found(engine, source) == ids


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("state", "at its end"),
        ("state =", "at its end"),
        ("state = READY AND", "at its end"),
        ("(state = READY", "at its end"),
        ("state == READY", "at column 8, before '= READY'"),
        ("= READY", "at column 1, before '= READY'"),
        ("state = READY steps = 1", "at column 15, before 'steps = 1'"),
        ("state = READY)", "at column 14"),
        ('state = "READY', "at column 9"),
        ("state = READY & steps = 1", "at column 15, before '& steps = 1'"),
        ("state = OR", "a value is missing after state ="),
        ("colour = red", "there is no field 'colour'; use id, state, displayName"),
        ("steps = many", "steps takes a number"),
        ("steps = 99999999999999999999", "steps takes a number of at most 64 bits"),
        ("score = 1e999", "score takes a number of at most 64 bits"),
        ("steps = nan", "steps takes a number"),
        ("is_public = yes", "is_public takes true or false"),
        ("is_public > true", "is_public takes only = and !="),
        ("create_time > yesterday", "create_time takes a time such as"),
        ("create_time > 2026-01-01T00:00:00", "create_time takes a time such as"),
        ("NOT (" * 30 + "state = READY" + ")" * 30, "nested deeper than"),
        ("state = " + "a" * MAX_FILTER_CHARS, f"at most {MAX_FILTER_CHARS} characters"),
        ("state = 'a\x00b'", "NUL"),
    ],
)
def test_a_filter_that_cannot_be_used_says_where_and_why(source: str, part: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        compile_filter(source, FIELDS)

    assert part in caught.value.message
    assert caught.value.message.startswith("filter: ")
    assert caught.value.param == "filter"


@dataclass(frozen=True)
class Written:
    """A filter as text, and the rows it should find, worked out without SQL."""

    text: str
    ids: frozenset[int]


EVERY = frozenset(range(1, len(ROWS) + 1))


def matching(name: str, comparator: str, value: object) -> frozenset[int]:
    def holds(other: object) -> bool:
        if comparator == "!=":
            return other != value
        if other is None:
            return False
        tests = {"=": "__eq__", "<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__"}
        return bool(getattr(other, tests[comparator])(value))

    return frozenset(number for number, row in enumerate(ROWS, 1) if holds(row[name]))


@st.composite
def comparisons(draw: st.DrawFn) -> Written:
    name = draw(st.sampled_from(["state", "display_name", "steps", "create_time", "is_public"]))
    signs = ["=", "!="] if name == "is_public" else ["=", "!=", "<", "<=", ">", ">="]
    comparator = draw(st.sampled_from(signs))
    known = [row[name] for row in ROWS if row[name] is not None]
    value = draw(st.sampled_from(known))
    if isinstance(value, str):
        characters = st.characters(blacklist_characters="*\x00", blacklist_categories=["Cs"])
        value = draw(st.sampled_from(known) | st.text(characters, max_size=5))
        assert isinstance(value, str)
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        literal = f'"{escaped}"'
    elif isinstance(value, datetime):
        literal = value.isoformat()
    else:
        literal = str(value).lower()
    gap = draw(st.sampled_from(["", " "]))
    return Written(f"{name}{gap}{comparator}{gap}{literal}", matching(name, comparator, value))


def joined(parts: st.SearchStrategy[Written]) -> st.SearchStrategy[Written]:
    several = st.lists(parts, min_size=2, max_size=3)
    return st.one_of(
        parts.map(lambda part: Written(f"NOT ({part.text})", EVERY - part.ids)),
        several.map(
            lambda all_: Written(
                "(" + " AND ".join(f"({part.text})" for part in all_) + ")",
                frozenset.intersection(*(part.ids for part in all_)),
            )
        ),
        several.map(
            lambda all_: Written(
                "(" + " OR ".join(part.text for part in all_) + ")"
                if all("(" not in part.text for part in all_)
                else "(" + " OR ".join(f"({part.text})" for part in all_) + ")",
                frozenset.union(*(part.ids for part in all_)),
            )
        ),
    )


@given(written=st.recursive(comparisons(), joined, max_leaves=8))
def test_every_filter_means_what_its_parts_mean(engine: Engine, written: Written) -> None:
    if len(written.text) <= MAX_FILTER_CHARS:
        assert frozenset(found(engine, written.text)) == written.ids


@given(source=st.text(max_size=60) | st.text(alphabet="()\"'\\*:=<>-aANDORT .1\n", max_size=40))
def test_any_text_is_a_filter_or_a_bad_request(engine: Engine, source: str) -> None:
    with suppress(InvalidRequest):
        found(engine, source)
