"""What a private deployment may ask for, what it keeps, and who may reach it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from hearth.deployments import Deployment
from hearth.deployments.types import Vpc
from tests.deployments.vpc.conftest import REMOTE, VpcSite
from tests.deployments.vpc.test_security_groups import (
    DEPLOYMENTS,
    GROUPS,
    make_deployment,
    make_group,
)


async def cidrs_of(site: VpcSite, name: str = "private") -> tuple[str, ...]:
    (found,) = [each for each in await site.networks.private() if each.id == name]
    return found.cidrs


async def label_of(site: VpcSite, vpc: Vpc, **fields: Any) -> str:
    deployment = Deployment(name="accounts/acme/deployments/private", vpc=vpc, **fields)
    async with site.db.read() as conn:
        return await site.networks.label(conn, deployment)


async def test_groups_may_be_named_before_they_are_defined_and_let_nobody_in_until_then(
    site: VpcSite, acme: httpx.AsyncClient
) -> None:
    made = await make_deployment(
        acme, "private", securityGroups=["sg-67890"], complianceMode="hipaa"
    )
    before = await cidrs_of(site)
    told = await label_of(site, Vpc(security_groups=["sg-67890"]))
    await make_group(acme, "10.0.0.0/8", "fd00::/8")

    assert made.status_code == 200, made.text
    assert before == ()
    assert told.startswith("Nobody may reach it yet.")
    assert "`firectl create security-group sg-67890 --cidrs 10.0.0.0/8`" in told
    assert await cidrs_of(site) == ("10.0.0.0/8", "fd00::/8")
    assert await label_of(site, Vpc(security_groups=["sg-67890"])) == ""


async def test_a_group_that_is_emptied_lets_nobody_in(
    site: VpcSite, acme: httpx.AsyncClient
) -> None:
    await make_group(acme, "10.0.0.0/8")
    await make_deployment(acme, "private", securityGroups=["accounts/acme/securityGroups/sg-67890"])
    assert await cidrs_of(site) == ("10.0.0.0/8",)

    await acme.patch(f"{GROUPS}/sg-67890", json={"ingressCidrs": []})

    assert await cidrs_of(site) == ()
    told = await label_of(site, Vpc(security_groups=["sg-67890"]))
    assert told == "Nobody may reach it yet. The security group sg-67890 lets in no network."


async def test_without_a_group_nobody_may_reach_it(site: VpcSite, acme: httpx.AsyncClient) -> None:
    await make_deployment(acme, "private")

    assert await cidrs_of(site) == ()
    assert "names no security group" in await label_of(site, Vpc())


async def test_a_group_of_another_vpc_lets_nobody_in(
    site: VpcSite, acme: httpx.AsyncClient
) -> None:
    await make_deployment(acme, "private", securityGroups=["sg-67890"])
    await make_group(acme, "10.0.0.0/8", vpcId="vpc-other")

    refused = await make_deployment(acme, "second", securityGroups=["sg-67890"])
    moved = await acme.patch(f"{GROUPS}/sg-67890", json={"vpcId": "vpc-12345"})

    assert await cidrs_of(site) == ()
    assert refused.status_code == 400
    assert "is for vpc-other" in refused.json()["message"]
    assert moved.status_code == 400


async def test_another_accounts_group_is_refused(acme: httpx.AsyncClient) -> None:
    name = "accounts/other/securityGroups/sg-1"

    refused = await make_deployment(acme, "private", securityGroups=[name])

    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "vpc.securityGroups"


async def test_each_gets_a_port_of_its_own_and_keeps_it(acme: httpx.AsyncClient) -> None:
    first = (await make_deployment(acme, "first")).json()["vpc"]
    second = (await make_deployment(acme, "second", port=9001, endpoint="http://x")).json()["vpc"]
    third = await make_deployment(acme, "third")
    kept = (await acme.patch(f"{DEPLOYMENTS}/first", json={"description": "new"})).json()["vpc"]

    assert (first["port"], first["endpoint"]) == (9001, "http://127.0.0.1:9001")
    assert (second["port"], second["endpoint"]) == (9002, "http://127.0.0.1:9002")
    assert third.status_code == 400
    assert "HEARTH_PRIVATE_PORTS" in third.json()["message"]
    assert kept == first


@pytest.mark.parametrize(
    "change",
    [
        {"complianceMode": ""},
        {"complianceMode": "none"},
        {"vpcId": "vpc-other"},
    ],
)
async def test_compliance_cannot_be_weakened(acme: httpx.AsyncClient, change: Any) -> None:
    made = await make_deployment(acme, "private", complianceMode="hipaa")

    refused = await acme.patch(f"{DEPLOYMENTS}/private", json={"vpc": change})
    masked = await acme.patch(
        f"{DEPLOYMENTS}/private", params={"updateMask": "vpc"}, json={"vpc": change}
    )

    assert refused.status_code == 400, refused.text
    assert masked.status_code == 400, masked.text
    assert (await acme.get(f"{DEPLOYMENTS}/private")).json()["vpc"] == made.json()["vpc"]


async def test_a_private_deployment_stays_private(acme: httpx.AsyncClient) -> None:
    made = await make_deployment(acme, "private", securityGroups=["sg-67890"])

    await acme.patch(f"{DEPLOYMENTS}/private", json={"vpc": None})
    await acme.patch(f"{DEPLOYMENTS}/private", params={"updateMask": "vpc"}, json={})

    assert (await acme.get(f"{DEPLOYMENTS}/private")).json()["vpc"] == made.json()["vpc"]


async def test_a_public_deployment_does_not_become_private(acme: httpx.AsyncClient) -> None:
    await acme.post(DEPLOYMENTS, params={"deploymentId": "public"}, json={"baseModel": "m"})

    refused = await acme.patch(f"{DEPLOYMENTS}/public", json={"vpc": {"vpcId": "vpc-1"}})

    assert refused.status_code == 400
    assert "make another deployment" in refused.json()["message"]


async def test_an_unknown_mode_is_refused_with_those_that_are_known(
    acme: httpx.AsyncClient,
) -> None:
    refused = await make_deployment(acme, "private", complianceMode="hippa")

    assert refused.status_code == 400
    assert "use hipaa" in refused.json()["message"]


@pytest.mark.parametrize("fields", [{"baseModel": REMOTE}, {"engine": "remote"}])
async def test_no_other_server_sees_prompts_under_compliance(
    acme: httpx.AsyncClient, fields: dict[str, str]
) -> None:
    body = {"baseModel": "m", "vpc": {"complianceMode": "hipaa"}} | fields

    refused = await acme.post(DEPLOYMENTS, json=body)

    assert refused.status_code == 400
    assert "no other server" in refused.json()["message"]


async def test_emulated_compliance_says_so(site: VpcSite) -> None:
    told = await label_of(site, Vpc(compliance_mode="hipaa"), emulated=True)

    assert "hipaa is emulated, too" in told
