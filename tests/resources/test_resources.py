"""What holds for every resource of the control plane, on each database."""

from __future__ import annotations

import httpx
import pytest

from hearth.accounts import AuditLog, Interval, Role
from hearth.kit.db import Database
from hearth.kit.pages import ListQuery
from tests.resources.conftest import House
from tests.resources.lamps import LAMPS, make


async def test_a_resource_is_made_under_the_chosen_id_and_read_back(
    acme: httpx.AsyncClient,
) -> None:
    made = await make(acme, "tall", displayName="Tall", size={"heightCm": 180})

    assert made["name"] == "accounts/acme/lamps/tall"
    assert made["size"] == {"heightCm": 180, "weightKg": 1.0}
    assert made["createdBy"] == "accounts/acme/users/ann"
    assert made["createTime"] == made["updateTime"]
    assert (await acme.get(f"{LAMPS}/tall")).json() == made


async def test_an_id_is_generated_where_none_is_chosen(acme: httpx.AsyncClient) -> None:
    answer = await acme.post(LAMPS, json={})

    assert answer.json()["name"].startswith("accounts/acme/lamps/lamp-")


async def test_a_patch_changes_what_is_present_and_nothing_else(acme: httpx.AsyncClient) -> None:
    await make(acme, "tall", displayName="Tall", labels={"a": "1"}, size={"weightKg": 3.0})

    body = {"size": {"heightCm": 99}, "labels": {"b": "2"}}
    changed = (await acme.patch(f"{LAMPS}/tall", json=body)).json()

    assert changed["displayName"] == "Tall"
    assert changed["size"] == {"heightCm": 99, "weightKg": 3.0}
    assert changed["labels"] == {"b": "2"}


@pytest.mark.parametrize("nothing", [None, "SHADE_UNSPECIFIED"])
async def test_null_and_an_enums_unspecified_value_are_the_default(
    acme: httpx.AsyncClient, nothing: str | None
) -> None:
    made = await make(acme, "a", displayName=nothing, size={"heightCm": nothing, "weightKg": 2})
    await acme.patch(f"{LAMPS}/a", json={"displayName": "A"})

    changed = (await acme.patch(f"{LAMPS}/a", json={"displayName": nothing})).json()

    assert (made["displayName"], made["size"]) == ("", {"heightCm": 10, "weightKg": 2.0})
    assert (changed["displayName"], changed["size"]) == ("", made["size"])


async def test_a_mask_resets_what_it_names_and_the_body_lacks(acme: httpx.AsyncClient) -> None:
    await make(acme, "tall", displayName="Tall", size={"heightCm": 99, "weightKg": 3.0})

    params = {"updateMask": "display_name,size.height_cm"}
    body = {"size": {"weightKg": 7.0}}
    changed = (await acme.patch(f"{LAMPS}/tall", params=params, json=body)).json()

    assert changed["displayName"] == ""
    assert changed["size"] == {"heightCm": 10, "weightKg": 3.0}


async def test_what_only_hearth_sets_is_let_pass_and_what_is_unknown_is_named(
    acme: httpx.AsyncClient,
) -> None:
    body = {"isLit": True, "state": "BROKEN", "colour": "red"}
    answer = await acme.post(LAMPS, params={"lampId": "tall"}, json=body)

    assert answer.json()["isLit"] is False
    assert answer.json()["state"] == "READY"
    assert answer.headers["x-ignored-fields"] == "colour"


async def test_the_name_of_an_unknown_field_may_be_anything(acme: httpx.AsyncClient) -> None:
    answer = await acme.post(LAMPS, json={"a\r\nset-cookie: b": 1, "\u00e9\u0000\f": 2})

    assert answer.status_code == 200
    assert answer.headers["x-ignored-fields"] == "a??set-cookie: b,???"


async def test_nothing_is_called_by_a_nul(acme: httpx.AsyncClient) -> None:
    found = [await acme.request(method, f"{LAMPS}/a%00") for method in ("GET", "PATCH", "DELETE")]
    asked = {"filter": 'displayName = "\0"', "pageToken": "\0", "orderBy": "\0"}
    listed = [await acme.get(LAMPS, params={name: value}) for name, value in asked.items()]

    assert [each.status_code for each in found] == [404] * 3
    assert [each.status_code for each in listed] == [400] * 3
    assert [each.json()["error"]["param"] for each in listed] == list(asked)


async def test_an_immutable_field_may_be_repeated_but_not_changed(
    acme: httpx.AsyncClient,
) -> None:
    await make(acme, "tall", base="accounts/acme/bases/oak")

    same = await acme.patch(f"{LAMPS}/tall", json={"base": "oak"})
    other = await acme.patch(f"{LAMPS}/tall", json={"base": "ash"})

    assert same.json()["base"] == "accounts/acme/bases/oak"
    assert (other.status_code, other.json()["error"]["param"]) == (400, "base")


@pytest.mark.parametrize("place", ["body", "header"])
async def test_a_stale_change_is_refused(acme: httpx.AsyncClient, place: str) -> None:
    etag = (await make(acme, "tall"))["etag"]
    await acme.patch(f"{LAMPS}/tall", json={"displayName": "First"})

    body = {"displayName": "Second"} | ({"etag": etag} if place == "body" else {})
    headers = {"If-Match": f'"{etag}"'} if place == "header" else {}
    stale = await acme.patch(f"{LAMPS}/tall", json=body, headers=headers)

    assert stale.status_code == 409
    assert "read it again" in stale.json()["message"]
    assert (await acme.get(f"{LAMPS}/tall")).json()["displayName"] == "First"


async def test_a_name_that_is_taken_is_a_conflict_that_no_sdk_retries(
    acme: httpx.AsyncClient,
) -> None:
    await make(acme, "tall")

    again = await acme.post(LAMPS, params={"lampId": "tall"}, json={})

    assert again.status_code == 409
    assert again.json()["code"] == 6
    assert again.headers["x-should-retry"] == "false"


async def test_a_declared_retry_of_the_same_create_returns_what_the_first_made(
    acme: httpx.AsyncClient,
) -> None:
    first = await make(acme, "tall", displayName="Tall")

    retry = {"x-stainless-retry-count": "1"}
    again = await acme.post(
        LAMPS, params={"lampId": "tall"}, json={"displayName": "Tall"}, headers=retry
    )
    another = await acme.post(
        LAMPS, params={"lampId": "tall"}, json={"displayName": "Other"}, headers=retry
    )

    assert again.json() == first
    assert another.status_code == 409


@pytest.mark.parametrize("place", ["header", "query"])
async def test_a_request_with_a_key_makes_one_resource_however_often_it_is_sent(
    acme: httpx.AsyncClient, place: str
) -> None:
    headers = {"Idempotency-Key": "k1"} if place == "header" else {}
    params = {"requestId": "k1"} if place == "query" else {}

    first = await acme.post(LAMPS, json={"displayName": "x"}, headers=headers, params=params)
    again = await acme.post(LAMPS, json={"displayName": "x"}, headers=headers, params=params)
    other = await acme.post(LAMPS, json={"displayName": "y"}, headers=headers, params=params)

    assert again.json()["name"] == first.json()["name"]
    assert other.status_code == 409
    assert (await acme.get(LAMPS)).json()["totalSize"] == 1


async def test_a_create_that_only_validates_makes_nothing(acme: httpx.AsyncClient) -> None:
    params = {"lampId": "tall", "validateOnly": "true"}

    checked = await acme.post(LAMPS, params=params, json={"displayName": "Tall"})
    wrong = await acme.post(LAMPS, params=params, json={"size": {"heightCm": "high"}})

    assert checked.json()["displayName"] == "Tall"
    assert wrong.json()["error"]["param"] == "size.heightCm"
    assert (await acme.get(LAMPS)).json()["totalSize"] == 0


async def test_a_deleted_resource_can_be_had_back_until_it_is_deleted_for_good(
    acme: httpx.AsyncClient,
) -> None:
    await make(acme, "tall")

    assert (await acme.delete(f"{LAMPS}/tall")).json() == {}
    assert (await acme.get(LAMPS)).json()["lamps"] == []
    shown = (await acme.get(LAMPS, params={"showDeleted": "true"})).json()["lamps"]
    assert shown[0]["deleteTime"]
    assert (await acme.patch(f"{LAMPS}/tall", json={})).status_code == 404
    assert (await acme.delete(f"{LAMPS}/tall")).status_code == 404
    taken = await acme.post(LAMPS, params={"lampId": "tall"}, json={})
    assert (taken.status_code, taken.headers["x-should-retry"]) == (409, "false")
    assert "was deleted and still holds its name: undelete it" in taken.json()["message"]

    restored = (await acme.post(f"{LAMPS}/tall:undelete", json={})).json()
    assert restored["deleteTime"] is None
    assert (await acme.post(f"{LAMPS}/tall:undelete", json={})).status_code == 409

    await acme.delete(f"{LAMPS}/tall", params={"hard": "true"})
    assert (await acme.get(f"{LAMPS}/tall")).status_code == 404


async def test_rules_of_a_kind_can_forbid_a_deletion(acme: httpx.AsyncClient) -> None:
    await make(acme, "tall", labels={"in-use": "yes"})

    refused = await acme.delete(f"{LAMPS}/tall")
    forced = await acme.delete(f"{LAMPS}/tall", params={"ignoreChecks": "true"})

    assert "is in use" in refused.json()["message"]
    assert forced.status_code == 200


async def test_another_account_sees_nothing_and_makes_nothing_here(
    house: House, acme: httpx.AsyncClient
) -> None:
    await make(acme, "tall")
    key = await house.add_user("other", "bob", Role.ADMIN)

    async with house.client(key) as other:
        answers = [
            await other.get(f"{LAMPS}/tall"),
            await other.get(LAMPS),
            await other.patch(f"{LAMPS}/tall", json={}),
            await other.delete(f"{LAMPS}/tall"),
            await other.post(LAMPS, json={}),
        ]
        body = {"name": "accounts/acme/lamps/mine"}
        smuggled = await other.post("/accounts/other/lamps", json=body)

    assert [answer.status_code for answer in answers] == [404] * 5
    assert (smuggled.status_code, smuggled.json()["error"]["param"]) == (400, "name")


async def test_a_contributor_changes_only_what_it_made(
    house: House, acme: httpx.AsyncClient
) -> None:
    await make(acme, "anns")
    key = await house.add_user("acme", "carl", Role.CONTRIBUTOR)

    async with house.client(key) as carl:
        await make(carl, "carls")
        own = await carl.patch(f"{LAMPS}/carls", json={"displayName": "Mine"})
        others = await carl.delete(f"{LAMPS}/anns")

    assert own.status_code == 200
    assert others.status_code == 403


async def test_changes_are_in_the_audit_log(db: Database, acme: httpx.AsyncClient) -> None:
    await make(acme, "tall")
    await acme.patch(f"{LAMPS}/tall", json={"displayName": "T"})
    await acme.delete(f"{LAMPS}/tall")
    await acme.post(f"{LAMPS}/tall:undelete", json={})

    log = await AuditLog(db).list("acme", ListQuery(order_by="id"), Interval())

    methods = [entry.method for entry in log.items if entry.resource.endswith("/lamps/tall")]
    assert methods == ["CreateLamp", "UpdateLamp", "DeleteLamp", "UndeleteLamp"]
