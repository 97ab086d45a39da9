"""A private deployment's networks as a NetworkPolicy of Kubernetes (`networking.k8s.io/v1`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hearth.deployments.types import Deployment

Policy = dict[str, Any]  # Any: a document of Kubernetes

_DNS: Policy = {
    "to": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
}


def network_policy(deployment: Deployment, cidrs: Sequence[str], *, port: int) -> Policy:
    """The policy for the pods that serve a deployment's endpoint.

    Pods are selected by the labels `hearth.dev/account` and `hearth.dev/deployment`. Nothing but
    DNS may be reached from them; who needs a database or an object store adds a policy for it,
    for policies add up.

    Args:
        deployment: with a private endpoint.
        cidrs: the networks that may reach it.
        port: where its gateway listens.
    """
    _, account_id, _, deployment_id = deployment.name.split("/")
    labels = {"hearth.dev/account": account_id, "hearth.dev/deployment": deployment_id}
    peers = [{"ipBlock": {"cidr": cidr}} for cidr in cidrs]
    rule = {"from": peers, "ports": [{"protocol": "TCP", "port": port}]}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": f"hearth-{account_id}-{deployment_id}",
            "labels": {"app.kubernetes.io/managed-by": "hearth", **labels},
        },
        "spec": {
            "podSelector": {"matchLabels": labels},
            "policyTypes": ["Ingress", "Egress"],
            # Kubernetes takes a rule that names no peer for one that lets in everybody.
            "ingress": [rule] if peers else [],
            "egress": [_DNS],
        },
    }


def to_yaml(value: object, indent: str = "") -> str:
    """A document as YAML: mappings and lists in blocks, scalars as JSON, which YAML contains."""
    if isinstance(value, dict) and value:
        return "".join(f"{indent}{name}:{_nested(inner, indent)}" for name, inner in value.items())
    if isinstance(value, list) and value:
        items = (to_yaml(inner, f"{indent}  ") for inner in value)
        return "".join(f"{indent}- {item[len(indent) + 2 :]}" for item in items)
    return f"{indent}{json.dumps(value)}\n"


def _nested(value: object, indent: str) -> str:
    if isinstance(value, dict | list) and value:
        return "\n" + to_yaml(value, f"{indent}  ")
    return f" {json.dumps(value)}\n"
