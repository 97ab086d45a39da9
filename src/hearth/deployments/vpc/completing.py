"""What the `vpc` of a deployment must be like, and where its endpoint is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from hearth.deployments.store import DEPLOYMENTS
from hearth.deployments.types import Deployment, Vpc
from hearth.deployments.vpc.compliance import mode_of
from hearth.deployments.vpc.security_groups import counts_for, find_groups, group_ids
from hearth.deployments.vpc.types import PrivateAddresses, SecurityGroup
from hearth.errors import InvalidRequest
from hearth.kit.db import Connection
from hearth.kit.ids import check_resource_id
from hearth.kit.versions import bump
from hearth.resources import Asking, Documents


@dataclass(frozen=True, kw_only=True)
class VpcCompleter:
    """Completes private deployments; see `Completer`.

    Args:
        deployments: to see what one was before, and which ports are taken.
        groups: every account's security groups.
        addresses: how private endpoints are reached.
        is_remote: whether another server answers for a model, by its name and the account.
        may_seal: whether the key that seals is kept apart from what it seals.
    """

    deployments: Documents[Deployment]
    groups: Documents[SecurityGroup]
    addresses: PrivateAddresses
    is_remote: Callable[[str, str], bool]
    may_seal: bool = True

    async def __call__(
        self, conn: Connection, deployment: Deployment, asking: Asking
    ) -> Deployment:
        """Check what is asked and add what Hearth says of it; raises `InvalidRequest`."""
        before = await self.deployments.find(conn, deployment.name)
        vpc = deployment.vpc
        if before is not None:
            _check_kept(before.resource.vpc, vpc)
        if vpc is None:
            return deployment
        account_id = deployment.name.split("/")[1]
        self._check_mode(deployment, vpc, account_id)
        vpc = replace(vpc, security_groups=_checked_ids(account_id, vpc))
        groups = [each.resource for each in await self.groups.every(conn)]
        _check_vpc_ids(account_id, vpc, groups)
        was = None if before is None else before.resource.vpc
        port = was.port if was is not None else await self._free_port(conn)
        endpoint = self.addresses.url_of(deployment.name, port)
        return replace(deployment, vpc=replace(vpc, port=port, endpoint=endpoint))

    def _check_mode(self, deployment: Deployment, vpc: Vpc, account_id: str) -> None:
        mode = mode_of(vpc.compliance_mode)
        if mode is not None and mode.seals_objects and not self.may_seal:
            raise InvalidRequest(
                f"vpc.complianceMode: {mode.name} has weights encrypted, and the key would lie in "
                "the same folder: set HEARTH_SECRET_KEY, then deploy again.",
                param="vpc.complianceMode",
            )
        if mode is None or mode.keeps_content:
            return
        if deployment.engine == "remote" or self.is_remote(deployment.base_model, account_id):
            raise InvalidRequest(
                f"vpc.complianceMode: {mode.name} lets no other server see prompts, and one that "
                f"is attached by URL answers for {deployment.base_model}; deploy a model whose "
                "weights are here.",
                param="vpc.complianceMode",
            )

    async def _free_port(self, conn: Connection) -> int:
        ports = self.addresses.ports
        if not ports:
            return 0
        await bump(conn, DEPLOYMENTS)  # one creation after the other, on every database
        taken = {
            each.resource.vpc.port
            for each in await self.deployments.every(conn)
            if each.resource.vpc is not None
        }
        free = next((port for port in ports if port not in taken), None)
        if free is None:
            raise InvalidRequest(
                f"vpc: each of the {len(ports)} private ports is taken; widen "
                "HEARTH_PRIVATE_PORTS, or delete a deployment for good (`--hard`).",
                param="vpc",
            )
        return free


def _check_kept(was: Vpc | None, now: Vpc | None) -> None:
    """A private deployment stays private, in its VPC and under its rules."""
    if (was is None) != (now is None):
        has = "has no private endpoint" if was is None else "has a private endpoint"
        raise InvalidRequest(
            f"vpc cannot be added or removed: it {has}; make another deployment.", param="vpc"
        )
    if was is None or now is None:
        return
    kept = {
        "vpcId": (was.vpc_id, now.vpc_id),
        "complianceMode": (was.compliance_mode, now.compliance_mode),
    }
    for name, (old, new) in kept.items():
        if old != new:
            raise InvalidRequest(
                f"vpc.{name} cannot be changed: it is {old!r}; make another deployment.",
                param=f"vpc.{name}",
            )


def _checked_ids(account_id: str, vpc: Vpc) -> list[str]:
    """The groups by their ids; one of another account, or that cannot be a group, is refused."""
    account = f"accounts/{account_id}"
    parent = f"{account}/securityGroups/"
    for name in vpc.security_groups:
        if "/" in name and not name.startswith(parent):
            raise InvalidRequest(
                f"vpc.securityGroups: {name[:80]!r} is no security group of {account}.",
                param="vpc.securityGroups",
            )
        check_resource_id(name.removeprefix(parent), param="vpc.securityGroups")
    return group_ids(vpc)


def _check_vpc_ids(account_id: str, vpc: Vpc, groups: list[SecurityGroup]) -> None:
    for group in find_groups(account_id, vpc, groups).values():
        if group is not None and not counts_for(group, vpc):
            raise InvalidRequest(
                f"vpc.securityGroups: {group.name} is for {group.vpc_id}, and the deployment is in "
                f"{vpc.vpc_id or 'no VPC'}; name a group of the same vpcId, or of none.",
                param="vpc.securityGroups",
            )
