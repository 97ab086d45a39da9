"""Deployments with a private endpoint and rules of compliance."""

from __future__ import annotations

from dataclasses import replace

from hearth.firectl.grammar import Command, Flag, Noun
from hearth.firectl.kinds import LIST
from hearth.firectl.nouns.deployment import NOUN as DEPLOYMENT

_FLAGS = (
    Flag(name="vpc-id", field="vpc.vpcId", is_required=True, help="The network it is for."),
    Flag(
        name="security-groups",
        field="vpc.securityGroups",
        kind=LIST,
        of="security-group",
        help="Which networks may reach it; nobody else can.",
    ),
    Flag(
        name="compliance-mode",
        field="vpc.complianceMode",
        help="hipaa: nothing of a prompt or an answer is stored or logged, and TLS is required.",
    ),
)
_OTHERS = {"get", "list", "delete", "update"}
_CREATE = next(each for each in DEPLOYMENT.commands if each.verb == "create")


def _as_vpc(command: Command) -> Command:
    """The same command, under this noun's name in its examples."""
    named = tuple(each.replace(" deployment", " vpc-deployment") for each in command.examples)
    return replace(command, examples=named)


NOUN = Noun(
    summary="VPC deployments have a private endpoint and may keep rules of compliance.",
    commands=(
        replace(
            _CREATE,
            summary="Serve a model at a private endpoint.",
            flags=(*_FLAGS, *_CREATE.flags),
            examples=(
                "firectl create vpc-deployment --model custom-model --vpc-id vpc-12345 "
                "--security-groups sg-67890 --compliance-mode hipaa",
            ),
        ),
        *(_as_vpc(each) for each in DEPLOYMENT.commands if each.verb in _OTHERS),
    ),
)
