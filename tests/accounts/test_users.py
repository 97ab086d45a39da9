"""Users over HTTP: tried again, changed by several at once, removed."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from hearth.accounts import Role
from hearth.errors import Unauthenticated
from hearth.kit.pages import ListQuery
from tests.accounts.conftest import House

USERS = "/accounts/acme/users"
CAROL = {"role": "contributor", "displayName": "Carol", "email": "carol@acme.test"}
RETRY = {"x-stainless-retry-count": "1"}


@pytest.mark.parametrize(
    ("email", "user_id"),
    [
        ("carol@acme.test", "carol"),
        ("Carol.O'Neil+x@acme.test", "carol-o-neil-x"),
        ("42-is@acme.test", "is"),
        (f"{'a' * 80}@acme.test", "a" * 63),
    ],
)
async def test_a_user_without_an_id_is_called_as_its_email_begins(
    admin: httpx.AsyncClient, email: str, user_id: str
) -> None:
    made = await admin.post(USERS, json={"role": "user", "email": email})

    assert made.json()["name"] == f"accounts/acme/users/{user_id}"


async def test_two_emails_that_begin_alike_make_two_users(admin: httpx.AsyncClient) -> None:
    first = await admin.post(USERS, json=CAROL)
    other = await admin.post(USERS, json={**CAROL, "email": "carol@other.test"})

    assert first.json()["name"] == f"{USERS[1:]}/carol"
    assert other.json()["name"].startswith(f"{USERS[1:]}/user-")


@pytest.mark.parametrize("query", ["", "?userId=carol"])
async def test_a_create_tried_again_makes_one_user(admin: httpx.AsyncClient, query: str) -> None:
    first = await admin.post(USERS + query, json=CAROL)
    again = await admin.post(USERS + query, json=CAROL, headers=RETRY)

    assert (again.status_code, again.json()) == (200, first.json())
    assert (await admin.get(USERS)).json()["totalSize"] == 2


async def test_a_retry_with_another_body_is_no_retry(admin: httpx.AsyncClient) -> None:
    await admin.post(f"{USERS}?userId=carol", json=CAROL)
    other = {**CAROL, "role": "admin"}

    assert (await admin.post(f"{USERS}?userId=carol", json=other, headers=RETRY)).status_code == 409


async def test_a_key_tried_again_is_another_key(admin: httpx.AsyncClient) -> None:
    first = (await admin.post(f"{USERS}/ann/apiKeys", json={"apiKey": {}})).json()
    again = (await admin.post(f"{USERS}/ann/apiKeys", json={"apiKey": {}}, headers=RETRY)).json()

    assert first["key"] != again["key"]


async def test_what_stays_as_it_is_may_be_repeated(
    admin: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    seen = (await bob.get(f"{USERS}/bob")).json()
    changed = await bob.patch(f"{USERS}/bob", json={**seen, "displayName": "Bob"})

    assert changed.status_code == 200, changed.text
    assert changed.json()["displayName"] == "Bob"


@pytest.mark.parametrize(
    ("body", "param"),
    [({"name": "accounts/acme/users/ann"}, "name"), ({"serviceAccount": True}, "serviceAccount")],
)
async def test_what_cannot_change_is_named(
    bob: httpx.AsyncClient, body: dict[str, object], param: str
) -> None:
    answer = await bob.patch(f"{USERS}/bob", json=body)

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("place", ["body", "header", "masked"])
async def test_a_stale_change_is_refused_with_the_remedy(
    admin: httpx.AsyncClient, place: str
) -> None:
    etag = (await admin.get(f"{USERS}/ann")).json()["etag"]
    mask = "?updateMask=displayName" if place == "masked" else ""
    headers = {"if-match": f'"{etag}"'} if place == "header" else {}
    extra = {} if place == "header" else {"etag": etag}
    path = f"{USERS}/ann{mask}"
    first = await admin.patch(path, json={"displayName": "A", **extra}, headers=headers)
    stale = await admin.patch(path, json={"displayName": "B", **extra}, headers=headers)

    assert (first.status_code, stale.status_code) == (200, 409)
    assert "get it again" in stale.json()["message"]
    assert (await admin.get(f"{USERS}/ann")).json()["displayName"] == "A"


async def test_a_removed_user_is_gone_with_its_keys(admin: httpx.AsyncClient, house: House) -> None:
    key = await house.add_user("acme", "bob", Role.USER)
    etag = (await admin.get(f"{USERS}/bob")).json()["etag"]
    stale = await admin.delete(f"{USERS}/bob", headers={"if-match": "old"})
    removed = await admin.delete(f"{USERS}/bob", headers={"if-match": etag})

    assert (stale.status_code, removed.status_code, removed.json()) == (409, 200, {})
    assert (await admin.get(f"{USERS}/bob")).status_code == 404
    assert (await admin.delete(f"{USERS}/bob")).status_code == 404
    with pytest.raises(Unauthenticated):
        house.keys.authenticate(key)
    log = (await admin.get("/accounts/acme/auditLogs?filter=method=DeleteUser")).json()
    assert [entry["resource"] for entry in log["auditLogs"]] == [f"{USERS[1:]}/bob"]


async def test_only_admins_remove_users_and_the_last_one_stays(
    admin: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    own, other = await bob.delete(f"{USERS}/bob"), await bob.delete(f"{USERS}/ann")
    last = await admin.delete(f"{USERS}/ann")

    assert [own.status_code, other.status_code, last.status_code] == [403, 403, 409]
    assert "last admin" in last.json()["message"]


async def test_two_admins_who_remove_each_other_at_once_leave_one(
    admin: httpx.AsyncClient, house: House
) -> None:
    async with house.client(await house.add_user("acme", "abe", Role.ADMIN)) as abe:
        answers = await asyncio.gather(abe.delete(f"{USERS}/ann"), admin.delete(f"{USERS}/abe"))

    left = await house.service.list_users("acme", ListQuery())
    assert sorted(answer.status_code for answer in answers) in ([200, 401], [200, 404], [200, 409])
    assert left.total_size == 1


async def test_admins_see_and_end_every_key_of_the_account(
    admin: httpx.AsyncClient, bob: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    listed = (await admin.get("/accounts/acme/apiKeys?orderBy=name")).json()
    ann, bobs = listed["apiKeys"]
    refused = await bob.get("/accounts/acme/apiKeys")
    foreign = await stranger.post("/accounts/other/apiKeys:delete", json={"keyId": bobs["keyId"]})
    ended = await admin.post("/accounts/acme/apiKeys:delete", json={"keyId": bobs["keyId"]})

    assert listed["totalSize"] == 2
    assert bobs["name"] == f"{USERS[1:]}/bob/apiKeys/{bobs['keyId']}"
    assert ann["name"].startswith(f"{USERS[1:]}/ann/")
    assert [each.status_code for each in (refused, foreign, ended)] == [403, 404, 200]
    assert (await bob.get("/verifyApiKey")).status_code == 401
