"""The audit log: what is recorded of a change, who reads it, and that it only grows."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hearth.accounts import OPERATOR, AuditEntry, Role, record
from hearth.accounts.audit.redaction import REDACTED, write_payload
from tests.accounts.conftest import House

LOGS = "/accounts/acme/auditLogs"
USERS = "/accounts/acme/users"
SECRET = "fw_" + "aB3-" * 10


async def entries(client: httpx.AsyncClient, **params: str) -> list[dict[str, Any]]:  # Any: JSON
    answer = await client.get(LOGS, params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["auditLogs"]
    return found


async def test_a_change_over_http_tells_who_what_and_from_where(
    house: House, admin: httpx.AsyncClient
) -> None:
    keys = (await admin.get(f"{USERS}/ann/apiKeys")).json()["apiKeys"]
    house.clock.move(hours=1)
    body = {"role": "user", "displayName": "Carol", "email": "carol@acme.test"}
    headers = {"user-agent": "curl/8"}
    await admin.post(f"{USERS}?userId=carol", json=body, headers=headers)

    newest = (await entries(admin))[0]

    assert newest.pop("id").startswith("audit-")
    assert newest == {
        "timestamp": "2026-01-31T13:00:00Z",
        "principal": "accounts/acme/users/ann",
        "method": "CreateUser",
        "resource": "accounts/acme/users/carol",
        "payload": body | {"serviceAccount": False, "permissionPreset": ""},
        "status": {"code": "OK", "message": ""},
        "message": "",
        "isAdminAction": True,
        "userAgent": "curl/8",
        "clientIp": "127.0.0.1",
        "apiKeyId": keys[0]["keyId"],
    }


async def test_every_write_of_users_and_keys_is_recorded(
    house: House, admin: httpx.AsyncClient
) -> None:
    await admin.patch(f"{USERS}/ann", json={"displayName": "Ann"})
    made = await admin.post(f"{USERS}/ann/apiKeys", json={"apiKey": {"displayName": "laptop"}})
    key_id, secret = made.json()["keyId"], made.json()["key"]
    await admin.post(f"{USERS}/ann/apiKeys:delete", json={"keyId": key_id})
    first = (await admin.get(f"{USERS}/ann/apiKeys")).json()["apiKeys"][0]["keyId"]
    await house.service.keys.disable("acme", "ann", first)

    listed = await entries(admin, orderBy="id")

    assert [(entry["principal"].rpartition("/")[2], entry["method"]) for entry in listed] == [
        ("operator", "CreateAccount"),
        ("operator", "CreateUser"),
        ("operator", "CreateApiKey"),
        ("ann", "UpdateUser"),
        ("ann", "CreateApiKey"),
        ("ann", "DeleteApiKey"),
        ("operator", "DisableApiKey"),
    ]
    assert listed[3]["payload"] == {"displayName": "Ann"}
    assert listed[5]["resource"] == f"accounts/acme/users/ann/apiKeys/{key_id}"
    assert secret not in str(listed)


async def test_a_change_that_fails_leaves_no_entry(admin: httpx.AsyncClient) -> None:
    before = await entries(admin)

    await admin.post(f"{USERS}?userId=ann", json={"role": "user"})
    await admin.patch(f"{USERS}/ann", json={"role": "user"})
    await admin.post(f"{USERS}/ann/apiKeys:delete", json={"keyId": "key-none"})

    assert await entries(admin) == before


async def test_a_plain_user_acts_as_no_admin(
    admin: httpx.AsyncClient, bob: httpx.AsyncClient
) -> None:
    await bob.patch(f"{USERS}/bob", json={"displayName": "Bob"})

    newest = (await entries(admin))[0]

    assert (newest["principal"], newest["isAdminAction"]) == ("accounts/acme/users/bob", False)


async def test_only_admins_of_the_account_read_its_log(
    admin: httpx.AsyncClient, bob: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    assert (await bob.get(LOGS)).status_code == 403
    assert (await stranger.get(LOGS)).status_code == 404
    theirs = (await stranger.get("/accounts/other/auditLogs")).json()["auditLogs"]
    assert {entry["resource"].split("/")[1] for entry in theirs} == {"other"}


async def test_the_log_is_cut_by_time_by_email_and_by_filter(
    house: House, admin: httpx.AsyncClient
) -> None:
    await admin.patch(f"{USERS}/ann", json={"email": "ann@acme.test"})
    house.clock.move(hours=1)
    await admin.patch(f"{USERS}/ann", json={"displayName": "Ann"})

    late = await entries(admin, startTime="2026-01-31T13:00:00Z")
    early = await entries(admin, endTime="2026-01-31T13:00:00Z")
    anns = await entries(admin, email="ann@acme.test")
    after = await entries(admin, filter='timestamp > "2026-01-31T12:30:00Z"')
    made = await entries(admin, filter="method = Create*", orderBy="method, timestamp desc")

    assert [entry["payload"] for entry in late] == [{"displayName": "Ann"}]
    assert late == after
    assert len(early) == 4
    assert [entry["method"] for entry in anns] == ["UpdateUser", "UpdateUser"]
    assert [entry["method"] for entry in made] == ["CreateAccount", "CreateApiKey", "CreateUser"]
    assert await entries(admin, email="nobody@acme.test") == []


async def test_pages_list_every_entry_once(admin: httpx.AsyncClient) -> None:
    for num in range(5):
        await admin.patch(f"{USERS}/ann", json={"displayName": f"Ann {num}"})
    whole = await entries(admin)

    paged: list[dict[str, Any]] = []  # Any: JSON
    token = ""
    for size in (3, 3, 2):
        answer = (await admin.get(LOGS, params={"pageSize": 3, "pageToken": token})).json()
        assert (len(answer["auditLogs"]), answer["totalSize"]) == (size, len(whole))
        paged += answer["auditLogs"]
        token = answer["nextPageToken"]

    assert token == ""
    assert paged == whole


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("startTime=yesterday", "startTime"),
        ("endTime=2026-13-01T00:00:00Z", "endTime"),
        ("startTime=2026-01-02T00:00:00Z&endTime=2026-01-01T00:00:00Z", "endTime"),
        ("email=a%00b", "email"),
        (f"email={'a' * 300}", "email"),
        ("filter=payload:x", "filter"),
        ("orderBy=payload", "orderBy"),
        ("pageSize=-1", "pageSize"),
        ("pageToken=x", "pageToken"),
    ],
)
async def test_a_bad_query_names_the_parameter(
    admin: httpx.AsyncClient, query: str, param: str
) -> None:
    answer = await admin.get(f"{LOGS}?{query}")

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
async def test_nobody_writes_the_log_over_http(admin: httpx.AsyncClient, method: str) -> None:
    assert (await admin.request(method, LOGS)).status_code == 405


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_log SET message = 'x'", "DELETE FROM audit_log WHERE id > ''"],
)
async def test_the_database_refuses_to_change_an_entry(
    house: House, admin: httpx.AsyncClient, statement: str
) -> None:
    before = await entries(admin)

    with pytest.raises(DBAPIError, match="audit_log may only be added to"):
        async with house.db.write() as conn:
            await conn.execute(text(statement))

    assert await entries(admin) == before


async def test_an_entry_of_a_transaction_that_rolls_back_is_gone(
    house: House, admin: httpx.AsyncClient
) -> None:
    before = await entries(admin)
    entry = AuditEntry(actor=OPERATOR, method="SetQuota", resource="accounts/acme/quotas/q")

    with suppress(ZeroDivisionError):
        async with house.db.write() as conn:
            await record(conn, entry)
            raise ZeroDivisionError

    assert await entries(admin) == before


async def test_no_secret_is_kept_wherever_it_stands(house: House, admin: httpx.AsyncClient) -> None:
    headers = {"user-agent": f"client {SECRET}"}
    await admin.patch(f"{USERS}/ann", json={"displayName": f"my {SECRET}!"}, headers=headers)

    async with house.db.read() as conn:
        rows = (await conn.execute(text("SELECT * FROM audit_log"))).all()

    assert SECRET not in str(rows)
    assert (await entries(admin))[0]["payload"] == {"displayName": f"my {REDACTED}!"}


@pytest.mark.parametrize(
    ("payload", "kept"),
    [
        ({"apiKey": "abc"}, f'{{"apiKey":"{REDACTED}"}}'),
        ({"apiKey": {"displayName": "x"}}, '{"apiKey":{"displayName":"x"}}'),
        ({"creditCode": "GIFT"}, f'{{"creditCode":"{REDACTED}"}}'),
        ([{"client_secret": "x"}], f'[{{"client_secret":"{REDACTED}"}}]'),
        ({"Access-Token": "x", "maxTokens": 5}, f'{{"Access-Token":"{REDACTED}","maxTokens":5}}'),
        ({"value": 5_000_000_000}, '{"value":5000000000}'),
        ({"value": "hunter2"}, f'{{"value":"{REDACTED}"}}'),
        ({"note": "use Bearer abc now"}, f'{{"note":"use {REDACTED} now"}}'),
        ({SECRET: 1}, f'{{"{REDACTED}":1}}'),
        ({}, "{}"),
    ],
)
def test_known_secrets_are_redacted(payload: object, kept: str) -> None:
    assert write_payload(payload) == kept


def test_a_payload_beyond_measure_is_kept_by_its_digest() -> None:
    written = write_payload({"rows": list(range(10_000))})

    assert written.startswith('{"omitted":{"bytes":48')
    assert len(written) < 200


async def test_a_user_added_by_the_service_is_the_operators_doing(
    house: House, admin: httpx.AsyncClient
) -> None:
    await house.add_user("acme", "dan", Role.USER)

    newest, second = (await entries(admin))[:2]

    assert {newest["principal"], second["principal"]} == {"operator"}
    assert (newest["apiKeyId"], newest["clientIp"], newest["isAdminAction"]) == ("", "", True)
