"""Kept responses, in each database: for 30 days, for one account, and never at an answer's cost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from hearth.errors import InvalidRequest, NotFound
from hearth.gateway.responses.archive import KEPT_FOR, Archive, NewResponse
from hearth.gateway.responses.types import Item
from hearth.kit.db import Database

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Hands:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def response(
    number: int,
    *,
    account_id: str = "acme",
    previous: int | None = None,
    question: str = "Hello?",
) -> NewResponse:
    item = {
        "type": "message", "id": f"msg_{number:032x}_0", "role": "assistant",
        "content": [{"type": "output_text", "text": f"Answer {number}, \x00 and ö."}],
    }  # fmt: skip
    return NewResponse(
        account_id=account_id,
        id=id_of(number),
        previous_id=None if previous is None else id_of(previous),
        input=[Item(role="user", content=question)],
        body=json.dumps({"id": id_of(number), "output": [item]}).encode(),
    )


def id_of(number: int) -> str:
    return f"resp_{number:032x}"


def roles_and_texts(items: Sequence[Item]) -> list[tuple[str | None, object]]:
    return [
        (item.role, item.content if isinstance(item.content, str) else item.content[0].text)
        for item in items
        if item.content is not None
    ]


async def test_a_conversation_is_rebuilt_oldest_first(db: Database) -> None:
    archive = Archive(db)
    await archive.keep(response(1, question="One?"))
    await archive.keep(response(2, previous=1, question="Two?"))

    items = await archive.history("acme", id_of(2))

    assert roles_and_texts(items) == [
        ("user", "One?"), ("assistant", "Answer 1, \x00 and ö."),
        ("user", "Two?"), ("assistant", "Answer 2, \x00 and ö."),
    ]  # fmt: skip


async def test_another_account_finds_nothing_of_it(db: Database) -> None:
    archive = Archive(db)
    await archive.keep(response(1))
    await archive.keep(response(2, account_id="other"))

    with pytest.raises(NotFound):
        await archive.get("other", id_of(1))
    with pytest.raises(NotFound):
        await archive.history("other", id_of(1))
    with pytest.raises(NotFound):
        await archive.delete("other", id_of(1))
    with pytest.raises(NotFound):
        await archive.list("other", cursor=("after", id_of(1)), limit=5)
    reference = Item(type="item_reference", id=f"msg_{1:032x}_0")
    with pytest.raises(NotFound):
        await archive.resolve("other", [reference])
    listed = await archive.list("other", cursor=None, limit=5)
    assert (listed.first_id, listed.last_id) == (id_of(2), id_of(2))
    assert json.loads(await archive.get("acme", id_of(1)))["id"] == id_of(1)


async def test_a_conversation_cannot_be_led_into_another_account(db: Database) -> None:
    archive = Archive(db)
    await archive.keep(response(1))
    await archive.keep(response(2, account_id="other", previous=1))

    with pytest.raises(InvalidRequest):
        await archive.history("other", id_of(2))


async def test_after_thirty_days_a_response_is_gone_and_then_removed(db: Database) -> None:
    clock = Hands()
    archive = Archive(db, clock=clock)
    await archive.keep(response(1))

    clock.now += KEPT_FOR - timedelta(seconds=1)
    assert await archive.get("acme", id_of(1))
    clock.now += timedelta(seconds=1)

    with pytest.raises(NotFound):
        await archive.get("acme", id_of(1))
    assert (await archive.list("acme", cursor=None, limit=5)).data == []
    await archive.keep(response(2))
    async with db.read() as conn:
        assert (await conn.execute(text("SELECT id FROM responses"))).scalars().all() == [id_of(2)]


async def test_pages_hold_every_response_once_though_all_are_of_one_moment(db: Database) -> None:
    archive = Archive(db, clock=Hands())
    for number in range(5):
        await archive.keep(response(number))

    seen: list[str] = []
    page = await archive.list("acme", cursor=None, limit=2)
    while page.last_id is not None:
        seen += [json.loads(bytes(each))["id"] for each in page.data]
        assert page.has_more is (len(seen) < 5)
        page = await archive.list("acme", cursor=("after", page.last_id), limit=2)

    assert seen == [id_of(number) for number in (4, 3, 2, 1, 0)]


async def test_a_database_that_takes_nothing_is_told_and_not_raised(db: Database) -> None:
    archive = Archive(db)
    async with db.write() as conn:
        await conn.execute(text("ALTER TABLE responses RENAME TO gone"))
    try:
        assert await archive.keep(response(1)) is False
    finally:
        async with db.write() as conn:
            await conn.execute(text("ALTER TABLE gone RENAME TO responses"))
    assert await archive.keep(response(1)) is True
