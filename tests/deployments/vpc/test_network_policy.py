"""A private deployment's networks as Kubernetes would keep to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import msgspec
import pytest

from hearth.deployments import Deployment
from hearth.deployments.vpc.network_policy import network_policy, to_yaml
from tests.deployments.vpc.test_security_groups import (
    DEPLOYMENTS,
    GROUPS,
    make_deployment,
    make_group,
)

SCHEMA = json.loads((Path(__file__).parent / "networkpolicy.json").read_text())
DEPLOYMENT = Deployment(name="accounts/acme/deployments/private")


def check(policy: Any) -> None:
    jsonschema.validate(policy, SCHEMA)


async def test_the_policy_follows_the_groups_of_the_deployment(acme: httpx.AsyncClient) -> None:
    await make_group(acme, "10.0.0.0/8", "fd00::/8")
    await make_deployment(acme, "private", securityGroups=["sg-67890"])
    path = f"{DEPLOYMENTS}/private:networkPolicy"

    as_json = await acme.get(path)
    as_yaml = await acme.get(path, headers={"accept": "application/yaml"})
    await acme.patch(f"{GROUPS}/sg-67890", json={"ingressCidrs": []})
    closed = (await acme.get(path)).json()

    policy = as_json.json()
    check(policy)
    assert as_yaml.headers["content-type"] == "application/yaml"
    assert msgspec.yaml.decode(as_yaml.content) == policy
    assert policy["spec"]["ingress"] == [
        {
            "from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}, {"ipBlock": {"cidr": "fd00::/8"}}],
            "ports": [{"protocol": "TCP", "port": 9001}],
        }
    ]
    assert policy["spec"]["podSelector"]["matchLabels"] == {
        "hearth.dev/account": "acme",
        "hearth.dev/deployment": "private",
    }
    check(closed)
    assert closed["spec"]["ingress"] == []


def test_without_networks_nobody_gets_in_and_nothing_but_dns_gets_out() -> None:
    policy = network_policy(DEPLOYMENT, [], port=8686)

    check(policy)
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert policy["spec"]["ingress"] == []  # `from: []` would let in everybody
    (rule,) = policy["spec"]["egress"]
    assert {each["port"] for each in rule["ports"]} == {53}
    assert rule["to"]


async def test_what_has_no_endpoint_has_no_policy(acme: httpx.AsyncClient) -> None:
    await acme.post(DEPLOYMENTS, params={"deploymentId": "public"}, json={"baseModel": "m"})

    assert (await acme.get(f"{DEPLOYMENTS}/public:networkPolicy")).status_code == 400
    assert (await acme.get(f"{DEPLOYMENTS}/absent:networkPolicy")).status_code == 404


@pytest.mark.parametrize(
    "value",
    [
        {"a": [], "b": {}, "c": None, "d": True, "e": 1.5},
        {"a": [[1, [2]], [{"b": "c: d", "e": ["- f", ""]}], "yes", "\n"]},
        [{"a": {"b": [{"c": 1}, 2]}}],
        [],
        "text",
    ],
)
def test_yaml_says_what_json_says(value: Any) -> None:
    assert msgspec.yaml.decode(to_yaml(value).encode()) == value


def test_the_schema_refuses_what_is_no_policy() -> None:
    policy = network_policy(DEPLOYMENT, ["10.0.0.0/8"], port=8686)
    policy["spec"]["ingress"][0]["form"] = []

    with pytest.raises(jsonschema.ValidationError):
        check(policy)
