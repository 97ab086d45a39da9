"""Which networks a group may name, and that one in use stays."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from hearth.accounts import Role
from tests.deployments.vpc.conftest import VpcSite

GROUPS = "/accounts/acme/securityGroups"
DEPLOYMENTS = "/accounts/acme/deployments"

Json = dict[str, Any]


async def make_group(client: httpx.AsyncClient, *cidrs: str, **fields: Any) -> httpx.Response:
    body = {"ingressCidrs": list(cidrs), **fields}
    return await client.post(GROUPS, params={"securityGroupId": "sg-67890"}, json=body)


async def make_deployment(client: httpx.AsyncClient, name: str, **vpc: Any) -> httpx.Response:
    body = {"baseModel": "custom-model", "vpc": {"vpcId": "vpc-12345", **vpc}}
    return await client.post(DEPLOYMENTS, params={"deploymentId": name}, json=body)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3/32"),
        ("fd00:0000::/8", "fd00::/8"),
        ("FD00::1", "fd00::1/128"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:a00:1", "10.0.0.1/32"),
        ("::/0", "::/0"),
    ],
)
async def test_a_network_is_kept_in_its_usual_form(
    acme: httpx.AsyncClient, given: str, kept: str
) -> None:
    made = await make_group(acme, given, kept)

    assert made.status_code == 200, made.text
    assert made.json()["ingressCidrs"] == [kept]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("10.1.2.3/8", "the network is 10.0.0.0/8, the address alone 10.1.2.3/32"),
        ("fd00::1/8", "the network is fd00::/8, the address alone fd00::1/128"),
        ("::ffff:10.0.0.1/104", "the network is ::ffff:a00:0/104"),
        ("10.0.0.0/33", "is no network"),
        ("10.0.0.0/0.0.0.255", "is no network"),
        ("10.0.0", "is no network"),
        ("010.0.0.0/8", "is no network"),
        ("fe80::%eth0/64", "is no network"),
        ("anyone", "is no network"),
        ("", "is no network"),
    ],
)
async def test_what_is_no_network_is_refused_with_what_may_have_been_meant(
    acme: httpx.AsyncClient, given: str, words: str
) -> None:
    refused = await make_group(acme, "10.0.0.0/8", given)

    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "ingressCidrs[1]"
    assert words in refused.json()["message"]


async def test_a_group_in_use_stays_until_nothing_names_it(acme: httpx.AsyncClient) -> None:
    await make_group(acme, "10.0.0.0/8")
    await make_deployment(acme, "private", securityGroups=["sg-67890"])

    refused = await acme.delete(f"{GROUPS}/sg-67890")
    await acme.patch(f"{DEPLOYMENTS}/private", json={"vpc": {"securityGroups": []}})
    gone = await acme.delete(f"{GROUPS}/sg-67890")

    assert refused.status_code == 400
    assert "in use by accounts/acme/deployments/private" in refused.json()["message"]
    assert gone.status_code == 200


async def test_only_admins_decide_who_is_let_in(site: VpcSite) -> None:
    for role in (Role.CONTRIBUTOR, Role.USER):
        key = await site.add_user("acme", f"one-{role.lower()}", role)
        async with site.client(key) as client:
            assert (await make_group(client, "0.0.0.0/0")).status_code == 403


async def test_another_accounts_groups_are_not_to_be_seen(site: VpcSite, acme: Any) -> None:
    await make_group(acme, "10.0.0.0/8")
    key = await site.add_user("other", "eve", Role.ADMIN)

    async with site.client(key) as eve:
        assert (await eve.get(f"{GROUPS}/sg-67890")).status_code == 404
        assert (await eve.patch(f"{GROUPS}/sg-67890", json={})).status_code == 404
