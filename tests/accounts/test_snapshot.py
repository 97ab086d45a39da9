"""The keys in memory: what they know, and where a request's key is found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hearth.accounts import Caller, KeySnapshot, Role, credential
from hearth.accounts.types import KeyCreate, UserCreate, UserUpdate
from hearth.errors import Unauthenticated
from hearth.kit.db import Connection, Database
from hearth.kit.ids import new_id
from hearth.kit.pages import ListQuery
from hearth.kit.versions import read_versions
from tests.accounts.conftest import House

KEY = "fw_Abc-123_def"
LIMIT_S = 10


@pytest.mark.parametrize(
    "headers",
    [
        [(b"authorization", b"Bearer " + KEY.encode())],
        [(b"authorization", b"bearer " + KEY.encode())],
        [(b"authorization", b"BEARER   " + KEY.encode() + b" ")],
        [(b"authorization", KEY.encode())],
        [(b"x-api-key", KEY.encode())],
        [(b"host", b"h"), (b"x-api-key", b"fw_other"), (b"authorization", KEY.encode())],
        [(b"authorization", b""), (b"x-api-key", KEY.encode())],
    ],
)
def test_the_key_is_found_in_every_form_of_header(headers: list[tuple[bytes, bytes]]) -> None:
    assert credential(dict(headers)) == KEY


def test_the_key_is_found_in_the_query_when_no_header_has_one() -> None:
    query = b"model=whisper&Authorization=Bearer%20" + KEY.encode()

    assert credential({}, query) == KEY
    assert credential({b"x-api-key": b"fw_header"}, query) == "fw_header"
    assert credential({}, query.replace(b"Bearer%20", b"")) == KEY


@pytest.mark.parametrize("query", [b"", b"a=b", b"Authorization=", b"\xff=%ff", b"%"])
def test_a_request_without_a_key_has_none(query: bytes) -> None:
    assert credential({b"host": b"h"}, query) is None


async def test_a_key_stands_for_its_user(house: House) -> None:
    secret = await house.add_user("acme", "ann", Role.CONTRIBUTOR)
    keys = await house.service.keys.list("acme", "ann", ListQuery())

    assert house.keys.authenticate(secret) == Caller(
        account_id="acme", user_id="ann", key_id=keys.items[0].key_id, role=Role.CONTRIBUTOR
    )


async def test_before_the_first_refresh_no_key_is_good(house: House) -> None:
    secret = await house.add_user("acme", "ann", Role.ADMIN)

    with pytest.raises(Unauthenticated):
        KeySnapshot(house.db, house.clock).authenticate(secret)


async def test_a_disabled_key_is_refused_but_still_listed(house: House) -> None:
    secret = await house.add_user("acme", "ann", Role.ADMIN)
    key = (await house.service.keys.list("acme", "ann", ListQuery())).items[0]
    await house.service.keys.disable("acme", "ann", key.key_id)
    await house.keys.refresh()

    with pytest.raises(Unauthenticated, match="disabled") as caught:
        house.keys.authenticate(secret)

    assert secret not in caught.value.message
    assert (await house.service.keys.get("acme", "ann", key.key_id)).disabled


async def test_every_change_of_keys_or_roles_moves_the_version(house: House) -> None:
    versions = [await read_versions(house.db)]

    async def note() -> None:
        versions.append(await read_versions(house.db))

    await house.add_user("acme", "ann", Role.ADMIN)
    await note()
    key, _ = await house.service.keys.create("acme", "ann", KeyCreate())
    await note()
    await house.service.keys.disable("acme", "ann", key.key_id)
    await note()
    await house.service.keys.delete("acme", "ann", key.key_id)
    await note()
    await house.service.create_user("acme", UserCreate(role=Role.USER), user_id="bob")
    custom = UserUpdate(role=Role.CUSTOM, permission_preset="billing")
    await house.service.update_user("acme", "bob", custom)
    await note()
    await house.service.update_user("acme", "bob", UserUpdate(permission_preset="auditor"))
    await note()
    await house.service.delete_user("acme", "bob")
    await note()

    numbers = [version.get("keys", 0) for version in versions]
    assert numbers == sorted(set(numbers))


class HeldDatabase(Database):
    """Keeps its first reader, who has read already, until the gate opens."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.has_read = asyncio.Event()
        self.gate = asyncio.Event()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        is_first = not self.has_read.is_set()
        async with super().read() as conn:
            yield conn
        if is_first:
            self.has_read.set()
            await self.gate.wait()


async def test_a_slow_refresh_never_brings_an_old_state_back(house: House, db_url: str) -> None:
    await house.add_user("acme", "ann", Role.ADMIN)
    db = HeldDatabase(db_url)
    keys = KeySnapshot(db, house.clock)
    async with asyncio.timeout(LIMIT_S):
        slow = asyncio.create_task(keys.refresh())
        await db.has_read.wait()
        _, secret = await house.service.keys.create("acme", "ann", KeyCreate())
        quick = asyncio.create_task(keys.refresh())
        await asyncio.wait([quick], timeout=0.2)  # it may, but need not, be done by now
        db.gate.set()
        await asyncio.gather(slow, quick)

    assert keys.authenticate(secret).user_id == "ann"
    await db.close()


async def test_many_keys_are_told_apart(house: House) -> None:
    await house.add_user("acme", "ann", Role.ADMIN)
    made = [await house.service.keys.create("acme", "ann", KeyCreate()) for _ in range(20)]
    await house.keys.refresh()

    assert len({secret for _, secret in made}) == 20
    for key, secret in made:
        assert house.keys.authenticate(secret).key_id == key.key_id
    with pytest.raises(Unauthenticated):
        house.keys.authenticate(new_id("fw"))
