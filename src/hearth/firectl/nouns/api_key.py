"""API keys: each belongs to a user, and its secret is shown once."""

from __future__ import annotations

from dataclasses import replace

from hearth.firectl import whose
from hearth.firectl.call import Call
from hearth.firectl.crud import lister
from hearth.firectl.failures import Exit, Failure
from hearth.firectl.grammar import Argument, Column, Command, Flag, Noun, Resource
from hearth.firectl.kinds import MAP, NAME, SWITCH, TIME
from hearth.firectl.listing import show_pages
from hearth.firectl.names import full_name, is_full, last_of, path_of
from hearth.firectl.request_parts import body_of

RESOURCE = Resource(
    collection="apiKeys",
    wrapper="apiKey",
    columns=(
        Column(title="key id", path="keyId"),
        Column(title="display name", path="displayName"),
        Column(title="prefix", path="prefix"),
        Column(title="email", path="email"),
        Column(title="create time", path="createTime"),
        Column(title="expire time", path="expireTime"),
        Column(title="last used", path="lastUsed"),
    ),
)
_USER = Flag(name="user", kind=NAME, of="user", help="Whose key; your own otherwise.")


def _owner(call: Call) -> str:
    text = call.get("service-account") or call.get("user")
    if not text:
        return whose.own_user(call)
    return full_name("" if is_full(text) else call.account_id(), "users", text)


def _create(call: Call) -> None:
    fields = {"displayName": "default"} | body_of(call)
    path = f"{path_of(_owner(call))}/apiKeys"
    created = call.send("POST", path, body={"apiKey": fields})
    call.show(created)
    call.screen.note("The key is shown this once only: keep it now.")


def _list(call: Call) -> None:
    if call.get("all-users"):
        owners = [user["name"] for user in whose.users(call)]
    else:
        owners = [_owner(call)]
    show_pages(call, [(f"{path_of(owner)}/apiKeys", "apiKeys") for owner in owners])


def _delete(call: Call) -> None:
    text: str = call.get("ID")
    key_id = last_of(text)
    owner = text.rpartition("/apiKeys/")[0] if "/apiKeys/" in text else _holder(call, key_id)
    call.send("POST", f"{path_of(owner)}/apiKeys:delete", body={"keyId": key_id})
    call.screen.note(f"Deleted the key {key_id}; requests that carry it are refused from now on.")


def _holder(call: Call, key_id: str) -> str:
    if call.is_dry or call.get("user"):
        return _owner(call)
    everybody = [user["name"] for user in whose.users(call)]
    for user in everybody:
        if any(key.get("keyId") == key_id for key in whose.keys_of(call, user)):
            return str(user)
    raise Failure(
        f"There is no key {key_id!r}; `firectl list api-keys --all-users` shows their ids.",
        exit_status=Exit.NOT_FOUND,
    )


NOUN = Noun(
    summary="API keys let programs in; each belongs to a user.",
    commands=(
        Command(
            verb="create",
            summary="Make a key and show it, once.",
            run=_create,
            flags=(
                Flag(name="key-name", field="displayName", help="What to call it: `default`."),
                Flag(
                    name="expire-time",
                    field="expireTime",
                    kind=TIME,
                    help="When it ends by itself.",
                ),
                Flag(
                    name="service-account",
                    kind=NAME,
                    of="user",
                    help="The service account it is for.",
                ),
                Flag(name="annotations", field="annotations", kind=MAP, help="Labels of your own."),
                _USER,
            ),
            resource=RESOURCE,
            examples=("firectl create api-key --key-name ci --expire-time 2027-01-01",),
        ),
        replace(
            lister(
                "api-key",
                RESOURCE,
                (Flag(name="all-users", kind=SWITCH, help="Those of every user."), _USER),
                "firectl list api-keys --all-users",
            ),
            run=_list,
        ),
        Command(
            verb="delete",
            summary="End a key at once.",
            run=_delete,
            arguments=(Argument(name="ID", help="The key's id, as the list shows it."),),
            flags=(_USER,),
            resource=RESOURCE,
            examples=("firectl delete api-key key-id",),
        ),
        Command(
            verb="set",
            summary="Keep a key for later commands, as signin does.",
            run=lambda call: _set(call),
            arguments=(Argument(name="KEY", help="The key."),),
            is_offline=True,
            resource=RESOURCE,
            examples=("firectl set-api-key fw_…",),
        ),
    ),
)


def _set(call: Call) -> None:
    from hearth.firectl.signing_in import sign_in

    sign_in(call, call.get("KEY"))
