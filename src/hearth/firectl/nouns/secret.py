"""Secrets: values that jobs need and nobody reads back."""

from __future__ import annotations

import sys

from hearth.firectl.call import MASK, Call
from hearth.firectl.crud import ETAG, deleter, getter, id_argument, lister
from hearth.firectl.failures import UsageFailure
from hearth.firectl.grammar import Column, Command, Flag, Noun, Resource
from hearth.firectl.names import id_from, path_of
from hearth.firectl.request_parts import body_of

RESOURCE = Resource(
    collection="secrets",
    columns=(
        Column(title="name", path="name"),
        Column(title="key name", path="keyName"),
        Column(title="create time", path="createTime"),
        Column(title="update time", path="updateTime"),
    ),
)
_VALUE = Flag(
    name="value",
    field="value",
    is_secret=True,
    help="The value; without it, it is asked for without an echo or read from a pipe.",
)


def _create(call: Call) -> None:
    key_name = call.get("name") or call.get("ID")
    if not key_name:
        raise UsageFailure("firectl create secret needs --name.")
    secret_id = call.get("ID") or id_from(key_name)
    body = {"name": call.name(secret_id), "keyName": key_name, "value": _value(call)}
    call.show(call.send("POST", call.parent(), query={"secretId": secret_id}, body=body))


def _update(call: Call) -> None:
    secret_id = call.get("ID") or call.get("id")
    if not secret_id:
        raise UsageFailure("firectl update secret needs the secret's ID.")
    body = body_of(call)
    if "name" not in call.values or "value" in call.values:
        body["value"] = _value(call)
    call.show(call.send("PATCH", path_of(call.name(secret_id)), body=body))


def _value(call: Call) -> str:
    """The value; a dry run shows that it is there and asks for nothing."""
    if call.get("value") is not None or call.is_dry:
        return str(call.get("value", MASK))
    if not sys.stdin.isatty():
        return sys.stdin.read().removesuffix("\n")
    import getpass

    return getpass.getpass("Value: ")


NOUN = Noun(
    summary="Secrets are values that jobs need; nobody can read them back.",
    commands=(
        Command(
            verb="create",
            summary="Keep a value under a name.",
            run=_create,
            arguments=(id_argument("secret", is_required=False),),
            flags=(Flag(name="name", help="What programs call it, such as WANDB_API_KEY."), _VALUE),
            resource=RESOURCE,
            examples=("firectl create secret --name WANDB_API_KEY --value xxx",),
        ),
        getter("secret", RESOURCE, "firectl get secret wandb-api-key"),
        lister("secret", RESOURCE),
        Command(
            verb="update",
            summary="Replace a value.",
            run=_update,
            arguments=(id_argument("secret", is_required=False),),
            flags=(
                Flag(name="id", of="secret", help="The secret, where the argument does not say."),
                Flag(name="name", field="keyName", help="What programs call it from now on."),
                _VALUE,
                ETAG,
            ),
            resource=RESOURCE,
            examples=("firectl update secret wandb-api-key --value yyy",),
        ),
        deleter("secret", RESOURCE),
    ),
)
