"""Usage by model, key, user, deployment or day."""

from __future__ import annotations

from hearth.firectl.call import Call
from hearth.firectl.grammar import Column, Command, Flag, Noun, Resource
from hearth.firectl.kinds import LIST, choice
from hearth.firectl.names import path_of
from hearth.firectl.spans import FLAGS, query_with_span

RESOURCE = Resource(
    collection="billingUsage",
    columns=(
        Column(title="start time", path="startTime"),
        Column(title="model", path="modelName"),
        Column(title="deployment", path="deploymentId"),
        Column(title="accelerator", path="acceleratorType"),
        Column(title="key", path="apiKeyId"),
        Column(title="user", path="user"),
        Column(title="requests", path="requests"),
        Column(title="prompt tokens", path="promptTokens"),
        Column(title="completion tokens", path="completionTokens"),
        Column(title="accelerator seconds", path="acceleratorSeconds"),
        Column(title="cost", path="cost"),
    ),
)


def _get(call: Call) -> None:
    path = path_of(f"accounts/{call.account_id()}/billingUsage")
    body = call.send("GET", path, query=query_with_span(call))
    call.show_list((body.get("serverlessCosts") or []) + (body.get("dedicatedCosts") or []))


NOUN = Noun(
    summary="Usage by model, key, user, deployment or day.",
    commands=(
        Command(
            verb="get",
            summary="Show what the account used in a time.",
            run=_get,
            flags=(
                *FLAGS,
                Flag(name="group-by", query="groupBy", kind=LIST, help="Such as model,user,day."),
                Flag(
                    name="usage-type",
                    query="usageType",
                    kind=choice("serverless", "dedicated-deployment"),
                    help="Only this.",
                ),
                Flag(name="timezone", query="timezone", help="Whose days: Europe/Berlin, or UTC."),
            ),
            resource=RESOURCE,
            examples=("firectl get billing-usage --group-by model,day",),
        ),
    ),
)
