"""Users: the people and programs of an account."""

from __future__ import annotations

from hearth.firectl.call import Call
from hearth.firectl.crud import (
    create,
    deleter,
    getter,
    id_argument,
    lister,
    show_created,
    updater,
)
from hearth.firectl.grammar import Column, Command, Flag, Noun, Resource
from hearth.firectl.kinds import NAME, SWITCH, words
from hearth.firectl.request_parts import body_of

RESOURCE = Resource(
    collection="users",
    id_query="userId",
    columns=(
        Column(title="name", path="name"),
        Column(title="display name", path="displayName"),
        Column(title="email", path="email"),
        Column(title="role", path="role"),
        Column(title="state", path="state"),
        Column(title="create time", path="createTime"),
    ),
)
_ROLE = words("admin", "user", "contributor", "inference-user", "custom")
_CHANGEABLE = (
    Flag(name="display-name", field="displayName", help="What people call the user."),
    Flag(name="email", field="email", help="The user's address."),
    Flag(name="role", field="role", kind=_ROLE, help="What the user may do."),
    Flag(name="permission-preset", field="permissionPreset", help="With the role custom."),
)


def _create(call: Call) -> None:
    fields = {"role": "user"} | body_of(call)
    show_created(call, create(call, call.get("user-id") or call.get("ID"), fields))


NOUN = Noun(
    summary="Users are the people and programs of an account.",
    commands=(
        Command(
            verb="create",
            summary="Add a user to the account; the role is `user` where --role says no other.",
            run=_create,
            arguments=(id_argument("user", is_required=False),),
            flags=(
                *_CHANGEABLE,
                Flag(name="user-id", kind=NAME, help="The user's id; one is made otherwise."),
                Flag(
                    name="service-account",
                    field="serviceAccount",
                    kind=SWITCH,
                    help="A program, not a person.",
                ),
            ),
            resource=RESOURCE,
            examples=("firectl create user --email ada@example.com --role admin --user-id ada",),
        ),
        getter("user", RESOURCE, "firectl get user ada"),
        lister("user", RESOURCE, (), "firectl list users --filter 'role = admin'"),
        updater("user", RESOURCE, _CHANGEABLE, "firectl update user ada --role contributor"),
        deleter("user", RESOURCE, example="firectl delete user ada"),
    ),
)
