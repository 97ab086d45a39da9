"""Accounts, users and keys over HTTP, as the official clients ask for them."""

from __future__ import annotations

import hashlib
from datetime import datetime

import httpx
import pytest
from sqlalchemy import text

from hearth.accounts import Role
from tests.accounts.conftest import House

USERS = "/accounts/acme/users"
KEYS = f"{USERS}/ann/apiKeys"


async def verified_account(house: House, key: str) -> str | None:
    async with house.client(key) as client:
        answer = await client.get("/verifyApiKey")
    account_id: str | None = answer.headers.get("x-fireworks-account-id")
    assert answer.status_code == (200 if account_id else 401)
    return account_id


async def test_verifying_a_key_tells_its_account(admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/verifyApiKey")

    assert answer.status_code == 200
    assert answer.json() == {}
    assert answer.headers["x-fireworks-account-id"] == "acme"


@pytest.mark.parametrize("key", [None, "fw_unknown", "é", "fw_" + "x" * 5000])
async def test_a_bad_key_is_refused_and_never_repeated(house: House, key: str | None) -> None:
    headers = [(b"authorization", key.encode("latin-1"))] if key else []

    async with house.client(None) as client:
        answer = await client.get("/verifyApiKey", headers=headers)

    assert answer.status_code == 401
    assert answer.json()["code"] == 16
    assert "Authorization: Bearer" in answer.json()["error"]["message"]
    assert key is None or key not in answer.text


async def test_the_callers_account_is_the_only_one_there_is(admin: httpx.AsyncClient) -> None:
    account = (await admin.get("/accounts/acme")).json()

    assert account == {
        "name": "accounts/acme",
        "displayName": "Acme",
        "email": "it@acme.test",
        "state": "READY",
        "status": {"code": "OK", "message": ""},
        "accountType": "ACCOUNT_TYPE_UNSPECIFIED",
        "suspendState": "UNSUSPENDED",
        "createTime": "2026-01-31T12:00:00Z",
        "updateTime": "2026-01-31T12:00:00Z",
    }
    assert (await admin.get("/accounts")).json() == {
        "accounts": [account],
        "nextPageToken": "",
        "totalSize": 1,
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/accounts/acme"),
        ("GET", USERS),
        ("POST", USERS),
        ("GET", f"{USERS}/ann"),
        ("PATCH", f"{USERS}/ann"),
        ("GET", KEYS),
        ("POST", KEYS),
        ("POST", f"{KEYS}:delete"),
        ("GET", f"{KEYS}/k"),
    ],
)
async def test_another_account_is_not_there(
    admin: httpx.AsyncClient, stranger: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await stranger.request(method, path)
    absent = await stranger.request(method, path.replace("acme", "nobody"))

    assert answer.status_code == absent.status_code == 404
    assert answer.json()["message"] == absent.json()["message"].replace("nobody", "acme")
    assert answer.json()["error"]["code"] == "NOT_FOUND"


async def test_an_admin_adds_users_and_everyone_sees_them(
    admin: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    body = {"role": "contributor", "displayName": "Carol", "email": "carol@acme.test"}
    created = await admin.post(f"{USERS}?userId=carol", json=body)

    assert created.status_code == 200
    assert created.json()["name"] == "accounts/acme/users/carol"
    assert (await bob.get(f"{USERS}/carol")).json() == created.json()
    names = [user["name"] for user in (await bob.get(USERS)).json()["users"]]
    assert names == [f"accounts/acme/users/{user}" for user in ("ann", "bob", "carol")]


async def test_a_user_without_an_id_gets_one(admin: httpx.AsyncClient) -> None:
    body = {"role": "user", "serviceAccount": True}
    created = (await admin.post(USERS, json=body)).json()

    user_id = created["name"].removeprefix("accounts/acme/users/")
    assert user_id.startswith("user-")
    assert created["email"] == f"{user_id}@acme.sa.fireworks.ai"


@pytest.mark.parametrize(
    ("query", "body", "param"),
    [
        ("?userId=Carol", {"role": "user"}, "userId"),
        ("", {"role": "king"}, "role"),
        ("", {"role": "user", "displayName": 5}, "displayName"),
        ("", {"role": "user", "displayName": "a\x00b"}, "displayName"),
        ("", {}, None),
        ("", [], None),
    ],
)
async def test_a_bad_user_names_the_field(
    admin: httpx.AsyncClient, query: str, body: object, param: str | None
) -> None:
    answer = await admin.post(USERS + query, json=body)

    assert answer.status_code == 400
    assert answer.json()["code"] == 3
    assert answer.json()["error"]["param"] == param


async def test_a_user_id_is_taken_once(admin: httpx.AsyncClient) -> None:
    answer = await admin.post(f"{USERS}?userId=ann", json={"role": "user"})

    assert answer.status_code == 409
    assert answer.headers["x-should-retry"] == "false"


async def test_only_an_admin_manages_others(
    admin: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    attempts = [
        await bob.post(f"{USERS}?userId=mallory", json={"role": "admin"}),
        await bob.patch(f"{USERS}/ann", json={"displayName": "x"}),
        await bob.patch(f"{USERS}/bob", json={"role": "admin"}),
        await bob.patch(f"{USERS}/bob?updateMask=role", json={"role": "admin"}),
        await bob.post(KEYS, json={"apiKey": {}}),
        await bob.get(KEYS),
        await bob.post(f"{KEYS}:delete", json={"keyId": "k"}),
    ]

    assert [answer.status_code for answer in attempts] == [403] * len(attempts)
    assert (await admin.get(USERS)).json()["totalSize"] == 2


async def test_a_patch_changes_what_it_names(admin: httpx.AsyncClient, house: House) -> None:
    before = (await admin.get(f"{USERS}/ann")).json()
    house.clock.move(hours=1)
    changed = (await admin.patch(f"{USERS}/ann", json={"displayName": "Ann"})).json()

    assert changed.pop("etag") != before.pop("etag")
    assert changed == {**before, "displayName": "Ann", "updateTime": "2026-01-31T13:00:00Z"}


async def test_an_update_mask_chooses_and_empties_fields(admin: httpx.AsyncClient) -> None:
    await admin.patch(f"{USERS}/ann", json={"displayName": "Ann", "email": "ann@acme.test"})
    path = f"{USERS}/ann?updateMask=display_name"
    changed = (await admin.patch(path, json={"email": "ignored@acme.test"})).json()
    refused = await admin.patch(f"{USERS}/ann?updateMask=name", json={})
    no_role = await admin.patch(f"{USERS}/ann?updateMask=role", json={})

    assert (changed["displayName"], changed["email"]) == ("", "ann@acme.test")
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "updateMask")
    assert (no_role.status_code, no_role.json()["error"]["param"]) == (400, "role")


async def test_a_changed_role_counts_at_once(
    admin: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    assert (await bob.get(KEYS)).status_code == 403

    await admin.patch(f"{USERS}/bob", json={"role": "admin"})

    assert (await bob.get(KEYS)).status_code == 200


async def test_the_last_admin_stays_one(admin: httpx.AsyncClient) -> None:
    answer = await admin.patch(f"{USERS}/ann", json={"role": "user"})

    assert answer.status_code == 409
    assert (await admin.get(f"{USERS}/ann")).json()["role"] == "admin"


async def test_a_key_is_shown_once_works_at_once_and_is_kept_as_a_digest(
    admin: httpx.AsyncClient, house: House
) -> None:
    created = (await admin.post(KEYS, json={"apiKey": {"displayName": "laptop"}})).json()
    secret = created["key"]
    listed = await admin.get(f"{KEYS}?filter=displayName=laptop")

    assert len(secret) >= 43
    assert secret.startswith("fw_")
    assert await verified_account(house, secret) == "acme"
    assert listed.json()["apiKeys"] == [{k: v for k, v in created.items() if k != "key"}]
    assert created["prefix"] == secret[:8]
    assert (await admin.get(f"{KEYS}/{created['keyId']}")).json() == listed.json()["apiKeys"][0]
    async with house.db.read() as conn:
        rows = str((await conn.execute(text("SELECT * FROM api_keys"))).all())
    assert hashlib.sha256(secret.encode()).hexdigest() in rows
    assert secret not in rows


async def test_a_deleted_key_opens_nothing_and_is_gone(
    admin: httpx.AsyncClient, house: House
) -> None:
    created = (await admin.post(KEYS, json={"apiKey": {}})).json()
    deleted = await admin.post(f"{KEYS}:delete", json={"keyId": created["keyId"]})
    again = await admin.post(f"{KEYS}:delete", json={"keyId": created["keyId"]})

    assert (deleted.status_code, deleted.json()) == (200, {})
    assert again.status_code == 404
    assert await verified_account(house, created["key"]) is None


async def test_nobody_ends_a_key_by_naming_another_user(
    admin: httpx.AsyncClient, house: House
) -> None:
    bobs = await house.add_user("acme", "bob", Role.USER)
    listed = (await admin.get(f"{USERS}/bob/apiKeys")).json()["apiKeys"]
    answer = await admin.post(f"{KEYS}:delete", json={"keyId": listed[0]["keyId"]})

    assert answer.status_code == 404
    assert await verified_account(house, bobs) == "acme"


async def test_a_key_ends_when_it_says(admin: httpx.AsyncClient, house: House) -> None:
    created = (
        await admin.post(KEYS, json={"apiKey": {"expireTime": "2026-01-31T14:00:01+01:00"}})
    ).json()
    at_once = await admin.post(KEYS, json={"apiKey": {"expireTime": "2026-01-31T12:00:00Z"}})

    assert created["expireTime"] == "2026-01-31T13:00:01Z"
    assert (at_once.status_code, at_once.json()["error"]["param"]) == (400, "apiKey.expireTime")
    house.clock.move(hours=1)
    assert await verified_account(house, created["key"]) == "acme"
    house.clock.move(seconds=1)
    assert await verified_account(house, created["key"]) is None


@pytest.mark.parametrize("time", ["tomorrow", "2026-02-01T00:00:00", 5])
async def test_a_bad_expiry_names_the_field(admin: httpx.AsyncClient, time: object) -> None:
    answer = await admin.post(KEYS, json={"apiKey": {"expireTime": time}})

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "apiKey.expireTime"


async def test_keys_of_nobody_are_not_there(admin: httpx.AsyncClient) -> None:
    for path in (f"{USERS}/nobody/apiKeys", f"{USERS}/a%00b/apiKeys", f"{USERS}/A_B/apiKeys"):
        assert (await admin.get(path)).status_code == 404
        assert (await admin.post(path, json={"apiKey": {}})).status_code == 404


async def test_keys_are_listed_in_pages_newest_first_when_asked(
    admin: httpx.AsyncClient, house: House
) -> None:
    made = []
    for number in range(5):
        house.clock.move(minutes=1)
        body = {"apiKey": {"displayName": f"n{number}"}}
        made.append((await admin.post(KEYS, json=body)).json()["keyId"])

    seen, token = [], ""
    while True:
        query = {"pageSize": "2", "orderBy": "createTime desc", "pageToken": token}
        page = (await admin.get(KEYS, params={**query, "filter": 'display_name:"N"'})).json()
        assert page["totalSize"] == 5
        seen += [key["keyId"] for key in page["apiKeys"]]
        if not (token := page["nextPageToken"]):
            break

    assert seen == made[::-1]


async def test_a_read_mask_leaves_out_the_rest(admin: httpx.AsyncClient) -> None:
    user = (await admin.get(f"{USERS}/ann?readMask=role")).json()

    assert user == {"name": "accounts/acme/users/ann", "role": "admin"}
    assert datetime.fromisoformat((await admin.get(f"{USERS}/ann")).json()["createTime"]).tzinfo
