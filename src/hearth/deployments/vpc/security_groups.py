"""The rules of security groups, and what those of a deployment let in."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from hearth.deployments.store import DEPLOYMENTS
from hearth.deployments.types import Deployment, Vpc
from hearth.deployments.vpc.cidrs import checked_cidrs
from hearth.deployments.vpc.types import SECURITY_GROUPS, SecurityGroup
from hearth.errors import InvalidRequest
from hearth.kit.db import Connection
from hearth.kit.versions import bump
from hearth.resources import Asking, Documents, Draft, Stored

_SHOWN = 5


class SecurityGroupRules:
    """A group's networks are checked; one that is in use stays.

    Args:
        deployments: of every account, to see which use a group.
    """

    def __init__(self, deployments: Documents[Deployment]) -> None:
        self._deployments = deployments

    async def creating(
        self, conn: Connection, draft: Draft[SecurityGroup], asking: Asking
    ) -> Draft[SecurityGroup]:
        """See `Rules`."""
        return await _checked(conn, draft)

    async def updating(
        self,
        conn: Connection,
        before: Stored[SecurityGroup],
        after: Draft[SecurityGroup],
        asking: Asking,
    ) -> Draft[SecurityGroup]:
        """See `Rules`."""
        return await _checked(conn, after)

    async def deleting(
        self, conn: Connection, stored: Stored[SecurityGroup], asking: Asking
    ) -> Draft[SecurityGroup]:
        """Refuse to delete a group that a deployment names; see `Rules`."""
        await bump(conn, DEPLOYMENTS)
        users = [
            each.name
            for each in await self._deployments.every(conn)
            if each.delete_time is None
            and each.account_id == stored.account_id
            and stored.id in group_ids(each.resource.vpc)
        ]
        if users:
            more = f" and {len(users) - _SHOWN} more" if len(users) > _SHOWN else ""
            raise InvalidRequest(
                f"{stored.name} is in use by {', '.join(users[:_SHOWN])}{more}; take it out of "
                "their vpc.securityGroups first. To let nobody in, empty its ingressCidrs."
            )
        return Draft(resource=stored.resource, internal=stored.internal)

    async def undeleting(
        self, conn: Connection, stored: Stored[SecurityGroup], asking: Asking
    ) -> Draft[SecurityGroup]:
        """Never asked: a deleted group is gone; see `Rules`."""
        return Draft(resource=stored.resource, internal=stored.internal)


async def _checked(conn: Connection, draft: Draft[SecurityGroup]) -> Draft[SecurityGroup]:
    await bump(conn, DEPLOYMENTS)  # every gateway follows
    cidrs = checked_cidrs(draft.resource.ingress_cidrs)
    return Draft(resource=replace(draft.resource, ingress_cidrs=cidrs), internal=draft.internal)


def group_ids(vpc: Vpc | None) -> list[str]:
    """The ids of the groups that a deployment names, each once."""
    names = [] if vpc is None else vpc.security_groups
    return list(dict.fromkeys(name.rpartition("/")[2] for name in names))


def find_groups(
    account_id: str, vpc: Vpc, groups: Sequence[SecurityGroup]
) -> dict[str, SecurityGroup | None]:
    """The groups that a deployment names, by id; None where there is none yet.

    Args:
        groups: those that there are, of any account.
    """
    by_name = {group.name: group for group in groups}
    parent = f"accounts/{account_id}/{SECURITY_GROUPS.collection}"
    return {each: by_name.get(f"{parent}/{each}") for each in group_ids(vpc)}


def allowed_cidrs(account_id: str, vpc: Vpc, groups: Sequence[SecurityGroup]) -> tuple[str, ...]:
    """The networks that may reach a deployment: those of its groups that count for its VPC."""
    found = find_groups(account_id, vpc, groups).values()
    counting = [group for group in found if group is not None and counts_for(group, vpc)]
    return tuple(dict.fromkeys(cidr for group in counting for cidr in group.ingress_cidrs))


def counts_for(group: SecurityGroup, vpc: Vpc) -> bool:
    """Whether a group lets anyone into this VPC."""
    return group.vpc_id in ("", vpc.vpc_id)
