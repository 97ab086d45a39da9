"""Quotas: limits on money, requests, tokens and accelerators."""

from __future__ import annotations

from hearth.firectl.call import Call
from hearth.firectl.crud import deleter, getter, id_argument, lister
from hearth.firectl.grammar import Column, Command, Flag, Noun, Resource
from hearth.firectl.kinds import INT64
from hearth.firectl.names import path_of
from hearth.firectl.request_parts import body_of

RESOURCE = Resource(
    collection="quotas",
    columns=(
        Column(title="name", path="name"),
        Column(title="value", path="value"),
        Column(title="max value", path="maxValue"),
        Column(title="usage", path="usage"),
        Column(title="update time", path="updateTime"),
    ),
)


def _update(call: Call) -> None:
    path = path_of(call.name(call.get("ID")))
    call.show(call.send("PATCH", path, query={"allowMissing": True}, body=body_of(call)))


NOUN = Noun(
    summary="Quotas are limits on money, requests, tokens and accelerators.",
    commands=(
        getter("quota", RESOURCE, "firectl get quota monthly-spend-usd"),
        lister("quota", RESOURCE, (), "firectl list quotas"),
        Command(
            verb="update",
            summary="Set a limit; one that is not set yet begins to hold.",
            run=_update,
            arguments=(id_argument("quota"),),
            flags=(
                Flag(name="value", field="value", kind=INT64, is_required=True, help="The limit."),
            ),
            resource=RESOURCE,
            examples=("firectl update quota monthly-spend-usd --value 500",),
        ),
        deleter("quota", RESOURCE, example="firectl delete quota monthly-spend-usd"),
    ),
)
