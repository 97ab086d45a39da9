"""Security groups: which networks may reach a private deployment."""

from __future__ import annotations

from hearth.firectl.crud import deleter, getter, id_argument, lister, run_create, updater
from hearth.firectl.grammar import Column, Command, Flag, Noun, Resource
from hearth.firectl.kinds import LIST

RESOURCE = Resource(
    collection="securityGroups",
    id_query="securityGroupId",
    columns=(
        Column(title="name", path="name"),
        Column(title="display name", path="displayName"),
        Column(title="ingress cidrs", path="ingressCidrs"),
        Column(title="create time", path="createTime"),
    ),
)
_FLAGS = (
    Flag(
        name="cidrs",
        field="ingressCidrs",
        kind=LIST,
        is_required=True,
        help="The networks it lets in, IPv4 and IPv6, such as 10.0.0.0/8,fd00::/8.",
    ),
    Flag(name="vpc-id", field="vpcId", help="It counts for deployments of this VPC alone."),
    Flag(name="display-name", field="displayName", help="What people call it."),
    Flag(name="description", field="description", help="What it is for."),
)

NOUN = Noun(
    summary="Security groups say which networks may reach a private deployment.",
    commands=(
        Command(
            verb="create",
            summary="Name a set of networks.",
            run=run_create,
            arguments=(id_argument("security-group"),),
            flags=_FLAGS,
            resource=RESOURCE,
            examples=("firectl create security-group sg-67890 --cidrs 10.0.0.0/8",),
        ),
        getter("security-group", RESOURCE, "firectl get security-group sg-67890"),
        lister("security-group", RESOURCE),
        updater(
            "security-group",
            RESOURCE,
            _FLAGS,
            "firectl update security-group sg-67890 --cidrs 10.1.0.0/16",
        ),
        deleter("security-group", RESOURCE, example="firectl delete security-group sg-67890"),
    ),
)
