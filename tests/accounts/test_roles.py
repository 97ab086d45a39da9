"""What each role may do, and what a refusal tells."""

from __future__ import annotations

import httpx
import pytest

from hearth.accounts import Caller, Permission, Role, require, require_own
from hearth.accounts.roles import OF_PRESET, permissions_of
from hearth.accounts.types import UserUpdate
from hearth.errors import PermissionDenied
from tests.accounts.conftest import House

USERS = "/accounts/acme/users"


def caller(role: Role, preset: str = "") -> Caller:
    return Caller(
        account_id="acme", user_id="bob", key_id="key-1", role=role, permission_preset=preset
    )


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.ADMIN, set(Permission)),
        (Role.USER, {"infer", "read", "write", "deploy", "manage"}),
        (Role.CONTRIBUTOR, {"infer", "read", "write", "deploy"}),
        (Role.INFERENCE_USER, {"infer", "read"}),
        (Role.CUSTOM, set()),
    ],
)
def test_a_role_allows_what_its_row_says(role: Role, allowed: set[str]) -> None:
    assert permissions_of(role) == allowed
    assert caller(role).may_infer == ("infer" in allowed)


def test_no_preset_makes_an_admin_and_an_unknown_one_allows_nothing() -> None:
    assert all(Permission.ADMIN not in allowed for allowed in OF_PRESET.values())
    assert permissions_of(Role.CUSTOM, "of-a-later-hearth") == frozenset()


def test_a_preset_counts_only_for_custom_users() -> None:
    assert caller(Role.CUSTOM, "billing").permissions == {"read", "billing"}
    assert caller(Role.INFERENCE_USER, "billing").permissions == {"infer", "read"}


def test_permissions_cannot_be_passed_past_the_role() -> None:
    forged = Caller(
        account_id="acme",
        user_id="bob",
        key_id="key-1",
        role=Role.INFERENCE_USER,
        permissions=frozenset(Permission),
    )

    assert forged == caller(Role.INFERENCE_USER)


def test_a_refusal_names_the_permission_who_has_it_and_the_remedy() -> None:
    with pytest.raises(PermissionDenied) as refused:
        require(caller(Role.INFERENCE_USER), Permission.READ, Permission.DEPLOY)

    assert refused.value.message == (
        "This needs the permission 'deploy', which the role admin, user or contributor "
        "or the preset deployer has; 'bob' is inference-user. "
        "An admin of the account can change it."
    )


def test_a_contributor_changes_only_what_it_made() -> None:
    require_own(caller(Role.CONTRIBUTOR), "bob", Permission.DEPLOY)
    require_own(caller(Role.USER), "ann", Permission.DEPLOY)
    with pytest.raises(PermissionDenied, match="'manage'"):
        require_own(caller(Role.CONTRIBUTOR), "ann", Permission.DEPLOY)
    with pytest.raises(PermissionDenied, match="'deploy'"):
        require_own(caller(Role.INFERENCE_USER), "bob", Permission.DEPLOY)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"role": "custom"}, "a custom user needs one; use inference-only, read-only"),
        ({"role": "custom", "permissionPreset": "king"}, "there is no preset 'king'; use"),
        ({"role": "user", "permissionPreset": "billing"}, "only users of the role custom"),
    ],
)
async def test_a_preset_must_be_one_of_the_roles(
    admin: httpx.AsyncClient, body: dict[str, str], says: str
) -> None:
    await admin.post(f"{USERS}?userId=carol", json={"role": "user"})
    made = await admin.post(f"{USERS}?userId=dora", json=body)
    changed = await admin.patch(f"{USERS}/carol", json=body)

    for answer in (made, changed):
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "permissionPreset")
        assert says in answer.json()["message"]


async def test_another_preset_counts_at_once_and_another_role_ends_it(
    admin: httpx.AsyncClient, house: House
) -> None:
    key = await house.add_user("acme", "bob", Role.INFERENCE_USER)
    await admin.patch(f"{USERS}/bob", json={"role": "custom", "permissionPreset": "read-only"})
    was_reader = house.keys.authenticate(key)
    await admin.patch(f"{USERS}/bob", json={"permissionPreset": "inference-only"})
    is_inferring = house.keys.authenticate(key)
    back = (await admin.patch(f"{USERS}/bob", json={"role": "user"})).json()

    assert (was_reader.may_infer, is_inferring.may_infer) == (False, True)
    assert (back["role"], back["permissionPreset"]) == ("user", "")


async def test_who_may_not_read_still_sees_itself_and_its_keys(house: House) -> None:
    key = await house.add_user("acme", "bob", Role.USER)
    await house.service.update_user(
        "acme", "bob", UserUpdate(role=Role.CUSTOM, permission_preset="inference-only")
    )
    await house.keys.refresh()
    async with house.client(key) as bob:
        statuses = {
            path: (await bob.get(path)).status_code
            for path in ("/accounts/acme", USERS, f"{USERS}/bob", f"{USERS}/bob/apiKeys")
        }

    assert statuses == {
        "/accounts/acme": 200,
        USERS: 403,
        f"{USERS}/bob": 200,
        f"{USERS}/bob/apiKeys": 200,
    }
