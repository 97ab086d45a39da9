"""Security groups as the control plane sends and takes them, and what gateways know of privacy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from hearth.deployments.types import Text
from hearth.deployments.vpc.compliance import ComplianceMode
from hearth.kit.bodies import ShortText
from hearth.resources import Kind

MAX_CIDRS = 256


class SecurityGroup(Struct, frozen=True, kw_only=True, rename="camel"):
    """Networks that may reach the private deployments which name the group."""

    name: str = ""
    display_name: ShortText = ""
    description: Text = ""
    create_time: datetime | None = None
    update_time: datetime | None = None
    created_by: str = ""
    etag: str = ""
    ingress_cidrs: Annotated[list[ShortText], Meta(max_length=MAX_CIDRS)] = []
    "IPv4 and IPv6 networks; with none, the group lets nobody in."
    vpc_id: ShortText = ""
    "It counts for deployments of this VPC alone; empty: for those of any."


SECURITY_GROUPS = Kind(
    collection="securityGroups",
    noun="SecurityGroup",
    type=SecurityGroup,
    id_param="securityGroupId",
    body_key="securityGroup",
    immutable=frozenset({"vpcId"}),
)


@dataclass(frozen=True, kw_only=True)
class PrivateDeployment:
    """What a gateway keeps to for one deployment with a private endpoint."""

    name: str
    base_model: str
    cidrs: tuple[str, ...]
    "Who may reach it; empty: nobody."
    mode: ComplianceMode | None = None
    port: int = 0
    "Its own; 0: it is reached by its host name alone."

    @property
    def account_id(self) -> str:
        """Whose it is."""
        return self.name.split("/")[1]

    @property
    def id(self) -> str:
        """The last part of its name."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class PrivateAddresses:
    """How private endpoints are reached here.

    Args:
        domain: their host names are `deployment.account.private.domain`.
        ports: of which each gets one of its own; empty: none does.
        host: the address that gateways listen on.
        port: the port of everybody.
        is_tls: whether gateways speak TLS themselves.
    """

    domain: str
    ports: range = range(0)
    host: str = "127.0.0.1"
    port: int = 8686
    is_tls: bool = False

    def host_of(self, deployment: str) -> str:
        """The host name of a deployment, by its full name."""
        _, account_id, _, deployment_id = deployment.split("/")
        return f"{deployment_id}.{account_id}.{self.suffix}"

    @property
    def suffix(self) -> str:
        """What every private host name ends in."""
        return f"private.{self.domain}"

    def url_of(self, deployment: str, port: int) -> str:
        """The base URL of a deployment's endpoint; `port`: its own, or 0."""
        scheme = "https" if self.is_tls else "http"
        if port == 0:
            return f"{scheme}://{self.host_of(deployment)}:{self.port}"
        return f"{scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{port}"
