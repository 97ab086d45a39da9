"""Accounts, users, keys and secrets by `fireworks-ai` 1.2, unmodified, with each base URL."""

from __future__ import annotations

import json

import pytest

from tests.e2e.clients.driven import Facts, keys_of, run_python
from tests.e2e.clients.environments import Environment
from tests.e2e.clients.refusals import told
from tests.running import RunningHearth


@pytest.fixture(scope="module", params=["", "/inference", "/inference/v1"])
def facts(
    request: pytest.FixtureRequest, hearth: RunningHearth, fireworks_environment: Environment
) -> Facts:
    base_url = f"{hearth.url}{request.param}"
    return run_python(
        fireworks_environment, "fireworks_control_plane.py", base_url, **keys_of(hearth)
    )


def test_accounts_are_got_listed_and_masked(facts: Facts) -> None:
    accounts = facts["accounts"]

    assert accounts["got"]["name"] == "accounts/dev"
    assert accounts["got"]["state"] == "READY"
    assert accounts["got"]["suspendState"] == "UNSUSPENDED"
    assert accounts["got"]["createTime"]
    assert accounts["masked"] == {"name": "accounts/dev", "state": "READY"}
    assert accounts["listed"] == [accounts["got"]]
    assert accounts["none"] == []
    assert accounts["request_id"]
    assert told(accounts["other"]) == ("NotFoundError", 5, None)


def test_users_are_made_under_chosen_ids_and_changed(facts: Facts) -> None:
    users = facts["users"]

    made, changed = users["made"], users["changed"]
    assert made["name"].startswith("accounts/dev/users/ann-")
    assert (made["role"], made["email"], made["displayName"]) == ("user", "a@b.c", "Ann")
    assert made["state"] == "READY"
    assert made["serviceAccount"] is False
    assert (changed["displayName"], changed["email"]) == ("Ann B.", "a@b.c")
    assert changed["etag"] != made["etag"]
    assert users["got"] == changed


def test_lists_of_users_are_filtered_ordered_and_cut_into_pages(facts: Facts) -> None:
    users = facts["users"]

    pages, first = users["pages"], users["first_page"]
    assert len(pages) == first["total"] == 4
    assert pages == sorted(pages, reverse=True)
    assert first["names"] == pages[:2]


def test_wrong_users_are_refused_and_nothing_is_tried_again(facts: Facts) -> None:
    users = facts["users"]

    assert told(users["taken"]) == ("ConflictError", 6, None)
    assert users["taken"]["retry"] == "false"
    assert told(users["role"]) == ("BadRequestError", 3, "role")
    assert told(users["stale"]) == ("ConflictError", 6, "etag")
    assert told(users["missing"]) == ("NotFoundError", 5, None)


def test_a_key_is_shown_once_and_lets_its_user_ask_until_it_is_deleted(facts: Facts) -> None:
    keys = facts["api_keys"]

    key, listed = keys["key"], keys["listed"]
    assert key["key"].startswith(key["prefix"])
    assert (key["displayName"], key["expireTime"]) == ("t", "2099-01-01T00:00:00Z")
    assert key["secure"] is True
    assert keys["finish_reason"] in ("stop", "length")
    assert [each["displayName"] for each in listed] == ["t", "k3", "k2", "k1", "k0"]
    assert listed[0]["keyId"] == key["keyId"]
    assert not any("key" in each for each in listed)
    assert keys["filtered"] == ["k2"]
    assert keys["deleted"] == {}
    assert keys["ended"]["kind"] == "AuthenticationError"
    assert told(keys["twice"]) == ("NotFoundError", 5, None)


def test_an_inference_user_may_ask_models_and_change_nothing(facts: Facts) -> None:
    denied = facts["api_keys"]["denied"]

    assert [told(each) for each in denied] == [("PermissionDeniedError", 7, None)] * 3
    assert "'deploy'" in denied[0]["body"]["message"]


def test_a_secrets_value_never_comes_back(facts: Facts) -> None:
    secrets = facts["secrets"]

    assert secrets["made"]["name"] == secrets["got"]["name"] == secrets["name"]
    assert secrets["changed"]["keyName"] == secrets["got"]["keyName"] == "OTHER"
    assert secrets["asked"] == {"name": secrets["name"]}
    assert "value" not in secrets["made"] | secrets["changed"] | secrets["got"]
    assert "hunter" not in json.dumps(secrets)
    names = [each["name"] for each in secrets["listed"]]
    assert len(names) == 4
    assert names == sorted(names, reverse=True)
    assert not any("value" in each for each in secrets["listed"])
    assert secrets["deleted"] == {}


def test_wrong_secrets_and_lists_are_refused_by_the_field(facts: Facts) -> None:
    secrets, lists = facts["secrets"], facts["lists"]

    assert told(secrets["taken"]) == ("ConflictError", 6, None)
    assert told(secrets["empty"]) == ("BadRequestError", 3, "value")
    assert told(secrets["missing"]) == told(secrets["other"]) == ("NotFoundError", 5, None)
    assert told(lists["filter"]) == ("BadRequestError", 3, "filter")
    assert told(lists["order_by"]) == ("BadRequestError", 3, "orderBy")
    assert told(lists["page_token"]) == ("BadRequestError", 3, "pageToken")
    assert told(lists["page_size"]) == ("BadRequestError", 3, "pageSize")


def test_its_asynchronous_client_does_the_same(facts: Facts) -> None:
    asked = facts["asked"]

    assert asked["accounts"] == [asked["account"]] == ["accounts/dev"]
    assert asked["user"].startswith("accounts/dev/users/async-")
    assert asked["role"] == "contributor"
    assert asked["keys"][0] == [asked["keys"][1]]
    assert asked["secrets"][0] == asked["secrets"][1]
