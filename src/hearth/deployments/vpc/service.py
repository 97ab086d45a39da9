"""Security groups, and what they let in, as one service."""

from __future__ import annotations

from collections.abc import Sequence

from hearth.deployments.types import Deployment
from hearth.deployments.vpc.security_groups import SecurityGroupRules, allowed_cidrs
from hearth.deployments.vpc.standing import label_of, private_deployments
from hearth.deployments.vpc.types import (
    SECURITY_GROUPS,
    PrivateAddresses,
    PrivateDeployment,
    SecurityGroup,
)
from hearth.errors import InvalidRequest
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Connection, Database
from hearth.resources import Documents, Resources


class PrivateNetworks:
    """The security groups of every account and the deployments that name them.

    Args:
        db: open, and up to date.
        deployments: of every account.
        addresses: how private endpoints are reached.
        clock: tells the present moment.
    """

    def __init__(
        self,
        db: Database,
        deployments: Documents[Deployment],
        addresses: PrivateAddresses,
        clock: Clock = utc_now,
    ) -> None:
        self._db = db
        self._deployments = deployments
        self._addresses = addresses
        rules = SecurityGroupRules(deployments)
        self.groups = Resources(db, SECURITY_GROUPS, rules, clock)

    async def private(self) -> list[PrivateDeployment]:
        """What gateways keep to; the version `DEPLOYMENTS` moves with every change of it."""
        async with self._db.read() as conn:
            return await private_deployments(conn, self._deployments, self.groups.documents)

    async def label(self, conn: Connection, deployment: Deployment) -> str:
        """What a deployment's status says of who may reach it."""
        if deployment.vpc is None:
            return ""
        return label_of(deployment, await self._every(conn))

    async def of(self, name: str) -> tuple[Deployment, Sequence[str], int]:
        """A private deployment, the networks that may reach it, and the port where they do.

        Raises:
            NotFound: there is no such deployment.
            InvalidRequest: it has no private endpoint.
        """
        async with self._db.read() as conn:
            deployment = (await self._deployments.read(conn, name)).resource
            groups = await self._every(conn)
        vpc = deployment.vpc
        if vpc is None:
            raise InvalidRequest(
                f"{name} has no private endpoint, so no networks; "
                "`firectl create vpc-deployment` makes one that has."
            )
        cidrs = allowed_cidrs(name.split("/")[1], vpc, groups)
        return deployment, cidrs, vpc.port or self._addresses.port

    async def _every(self, conn: Connection) -> list[SecurityGroup]:
        documents: Documents[SecurityGroup] = self.groups.documents
        return [each.resource for each in await documents.every(conn)]
