"""The responses that are kept: for 30 days, and for their account alone.

A response is written after its last token and before its last byte. So whoever has seen the end of
an answer finds it by its id, from any gateway and after any crash. A database that does not take it
within `WRITE_LIMIT_S` costs the record, never the answer, which then says `store: false`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

import msgspec
from msgspec import Raw, Struct

from hearth.errors import InvalidRequest, NotFound, Unavailable
from hearth.gateway.responses import store
from hearth.gateway.responses.store import StoredResponse
from hearth.gateway.responses.types import Item
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Database

log = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=30)
WRITE_LIMIT_S = 5.0
_ITEM_ID = re.compile(r"(?:msg|rs|fc)_([0-9a-f]{32})_\d+", re.ASCII)

Cursor = tuple[Literal["after", "before"], str]
"""A side of a response, by its id."""


class _Output(Struct, frozen=True):
    """The part of a stored body that goes on in a conversation."""

    output: list[Item]


class Listing(Struct, frozen=True):
    """A page of responses, as the API lists them."""

    object: Literal["list"]
    data: list[Raw]
    has_more: bool
    first_id: str | None
    last_id: str | None


class NewResponse(Struct, frozen=True, kw_only=True):
    """What is to be kept of an answer."""

    account_id: str
    id: str
    previous_id: str | None
    input: Sequence[Item]
    body: bytes
    "The response object, as JSON."


_encode = msgspec.json.Encoder().encode
_items = msgspec.json.Decoder(list[Item])
_output = msgspec.json.Decoder(_Output)


class Archive:
    """Keeps responses and finds them again."""

    def __init__(self, db: Database, *, clock: Clock = utc_now) -> None:
        self._db = db
        self._clock = clock

    async def keep(self, new: NewResponse) -> bool:
        """Write a response; return whether it is kept."""
        now = self._clock()
        response = StoredResponse(
            account_id=new.account_id,
            id=new.id,
            create_time=now,
            expire_time=now + KEPT_FOR,
            previous_id=new.previous_id,
            input=_encode(new.input).decode(),
            body=new.body.decode(),
        )
        try:
            async with asyncio.timeout(WRITE_LIMIT_S):
                await store.keep_response(self._db, response)
        except (Unavailable, TimeoutError) as error:
            log.warning("Response %s could not be kept: %s", new.id, error or "it took too long")
            return False
        return True

    async def history(self, account_id: str, response_id: str) -> list[Item]:
        """The items of a conversation up to and with a response.

        Raises:
            NotFound: the account has no such response.
            InvalidRequest: an earlier part of the conversation is no longer kept.
        """
        async with self._db.read() as conn:
            turns = await store.list_turns(conn, account_id, response_id, now=self._clock())
        if not turns:
            raise _not_found(response_id, param="previous_response_id")
        if turns[0].previous_id is not None:
            raise InvalidRequest(
                f"Response {turns[0].previous_id!r}, which the conversation began with, is no "
                "longer kept; send the conversation as 'input'.",
                param="previous_response_id",
            )
        items: list[Item] = []
        for turn in turns:
            items += _items.decode(turn.input)
            items += _output.decode(turn.body).output
        return items

    async def resolve(self, account_id: str, items: Sequence[Item]) -> list[Item]:
        """The items, with every reference replaced by what it names.

        Raises:
            NotFound: the account has no such item.
        """
        return [
            await self._item(account_id, item.id or "", f"input[{i}].id")
            if item.type == "item_reference"
            else item
            for i, item in enumerate(items)
        ]

    async def _item(self, account_id: str, item_id: str, place: str) -> Item:
        match = _ITEM_ID.fullmatch(item_id)
        if match is not None:
            body = await self._find(account_id, f"resp_{match.group(1)}")
            for item in [] if body is None else _output.decode(body.body).output:
                if item.id == item_id:
                    return item
        raise NotFound(f"There is no item {item_id[:80]!r}.", param=place)

    async def get(self, account_id: str, response_id: str) -> bytes:
        """A response object, as JSON.

        Raises:
            NotFound: the account has no such response.
        """
        found = await self._find(account_id, response_id)
        if found is None:
            raise _not_found(response_id)
        return found.body.encode()

    async def list(self, account_id: str, *, cursor: Cursor | None, limit: int) -> Listing:
        """A page of the account's responses, newest first.

        Raises:
            NotFound: the cursor names none of them.
        """
        at = None
        if cursor is not None:
            found = await self._find(account_id, cursor[1])
            if found is None:
                raise _not_found(cursor[1], param=cursor[0])
            at = (cursor[0], found)
        async with self._db.read() as conn:
            rows = await store.list_responses(
                conn, account_id, cursor=at, limit=limit + 1, now=self._clock()
            )
        has_more = len(rows) > limit
        is_backward = cursor is not None and cursor[0] == "before"
        page = rows[-limit:] if is_backward else rows[:limit]
        return Listing(
            "list",
            [Raw(row.body.encode()) for row in page],
            has_more,
            page[0].id if page else None,
            page[-1].id if page else None,
        )

    async def delete(self, account_id: str, response_id: str) -> None:
        """Forget a response; what goes on from it can no longer be continued.

        Raises:
            NotFound: the account has no such response.
        """
        async with self._db.write() as conn:
            was_there = await store.delete_response(
                conn, account_id, response_id, now=self._clock()
            )
        if not was_there:
            raise _not_found(response_id)

    async def _find(self, account_id: str, response_id: str) -> StoredResponse | None:
        async with self._db.read() as conn:
            return await store.find_response(conn, account_id, response_id, now=self._clock())


def _not_found(response_id: str, *, param: str | None = None) -> NotFound:
    return NotFound(f"There is no response {response_id[:80]!r}.", param=param)
