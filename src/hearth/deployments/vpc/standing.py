"""How a private deployment stands: who may reach it, for gateways and for people."""

from __future__ import annotations

from collections.abc import Sequence

from hearth.catalog import PUBLIC_ACCOUNT
from hearth.deployments.types import Deployment
from hearth.deployments.vpc.compliance import MODES
from hearth.deployments.vpc.security_groups import allowed_cidrs, find_groups
from hearth.deployments.vpc.types import PrivateDeployment, SecurityGroup
from hearth.kit.db import Connection
from hearth.resources import Documents


async def private_deployments(
    conn: Connection, deployments: Documents[Deployment], groups: Documents[SecurityGroup]
) -> list[PrivateDeployment]:
    """Every deployment with a private endpoint that was not deleted."""
    known = [each.resource for each in await groups.every(conn)]
    return [
        _private(each.resource, known)
        for each in await deployments.every(conn)
        if each.delete_time is None and each.resource.vpc is not None
    ]


async def vpc_labels(
    conn: Connection, deployments: Documents[Deployment], groups: Documents[SecurityGroup]
) -> dict[str, str]:
    """What the status of private deployments says of who may reach them; see `LabelsOf`."""
    known = [each.resource for each in await groups.every(conn)]
    labels = {each.name: label_of(each.resource, known) for each in await deployments.every(conn)}
    return {name: label for name, label in labels.items() if label}


def _private(deployment: Deployment, groups: Sequence[SecurityGroup]) -> PrivateDeployment:
    vpc = deployment.vpc
    assert vpc is not None, "it is private"
    mode = MODES.get(vpc.compliance_mode)
    is_known = mode is not None or not vpc.compliance_mode
    account_id = deployment.name.split("/")[1]
    return PrivateDeployment(
        name=deployment.name,
        base_model=deployment.base_model,
        # A mode that this release does not know has rules that it would not keep.
        cidrs=allowed_cidrs(account_id, vpc, groups) if is_known else (),
        mode=mode,
        port=vpc.port,
    )


def certifications_of(deployment: Deployment) -> frozenset[str]:
    """What the region of a deployment must be certified for."""
    mode = None if deployment.vpc is None else MODES.get(deployment.vpc.compliance_mode)
    return frozenset() if mode is None else mode.certifications


def sealed_for(deployment: Deployment) -> str:
    """The account whose weights must lie encrypted on disk: the deployment's own, or nobody.

    Weights that everybody can pull have nothing to hide.
    """
    mode = None if deployment.vpc is None else MODES.get(deployment.vpc.compliance_mode)
    is_sealing = mode is not None and mode.seals_objects
    account_id = deployment.name.split("/")[1]
    return account_id if is_sealing and account_id != PUBLIC_ACCOUNT else ""


def label_of(deployment: Deployment, groups: Sequence[SecurityGroup]) -> str:
    """What its status says of who may reach it; empty for a deployment without an endpoint.

    Args:
        deployment: as it stands.
        groups: the security groups that there are, of any account.
    """
    vpc = deployment.vpc
    if vpc is None:
        return ""
    account_id = deployment.name.split("/")[1]
    found = find_groups(account_id, vpc, groups)
    told = []
    if not allowed_cidrs(account_id, vpc, groups):
        told.append("Nobody may reach it yet.")
    if not found:
        told.append("It names no security group: set vpc.securityGroups.")
    for group_id, group in found.items():
        if group is None:
            told.append(
                f"The security group {group_id} is not defined: `firectl create security-group "
                f"{group_id} --cidrs 10.0.0.0/8` says which networks it lets in."
            )
        elif not group.ingress_cidrs:
            told.append(f"The security group {group_id} lets in no network.")
    if vpc.compliance_mode and deployment.emulated:
        told.append(
            f"{vpc.compliance_mode} is emulated, too: its region is, and replicas run on this "
            "machine, which nobody has certified."
        )
    return " ".join(told)
