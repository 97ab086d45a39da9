"""Which role may do what: the table that every check of a permission reads.

The first four roles are Fireworks', with what its page on users says of them: a contributor changes
only what it made itself, an inference user changes nothing. A `custom` user may do what its
`permissionPreset` names; the presets are ours.
https://docs.fireworks.ai/accounts/users
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from hearth.errors import InvalidRequest


class Role(StrEnum):
    """What a user may do; only an admin manages other users and their keys."""

    ADMIN = "admin"
    USER = "user"
    CONTRIBUTOR = "contributor"
    INFERENCE_USER = "inference-user"
    CUSTOM = "custom"


class Permission(StrEnum):
    """What is asked for by a route."""

    INFER = "infer"
    "Have models answer."
    READ = "read"
    "See the account's resources, users, usage and costs."
    WRITE = "write"
    "Make models, data sets, jobs and the like, and change what one made."
    DEPLOY = "deploy"
    "Make what holds accelerators: deployments, loaded adapters, routers; and change what one made."
    MANAGE = "manage"
    "Change what others made; beside `write` or `deploy`."
    BILLING = "billing"
    "Set limits, redeem credit, read the books."
    AUDIT = "audit"
    "Read who changed what."
    ADMIN = "admin"
    "Manage users, their roles and their keys; no preset has it, or its user could take all others."


Permissions = frozenset[Permission]

EVERYTHING: Permissions = frozenset(Permission)

OF_ROLE: Mapping[Role, Permissions] = {
    Role.ADMIN: EVERYTHING,
    Role.USER: frozenset(
        {
            Permission.INFER,
            Permission.READ,
            Permission.WRITE,
            Permission.DEPLOY,
            Permission.MANAGE,
        }
    ),
    Role.CONTRIBUTOR: frozenset(
        {Permission.INFER, Permission.READ, Permission.WRITE, Permission.DEPLOY}
    ),
    Role.INFERENCE_USER: frozenset({Permission.INFER, Permission.READ}),
    Role.CUSTOM: frozenset(),
}
"""A custom user has only what its preset adds."""

OF_PRESET: Mapping[str, Permissions] = {
    "inference-only": frozenset({Permission.INFER}),
    "read-only": frozenset({Permission.READ}),
    "trainer": frozenset({Permission.INFER, Permission.READ, Permission.WRITE}),
    "deployer": frozenset(
        {Permission.INFER, Permission.READ, Permission.DEPLOY, Permission.MANAGE}
    ),
    "billing": frozenset({Permission.READ, Permission.BILLING}),
    "auditor": frozenset({Permission.READ, Permission.AUDIT}),
}


def permissions_of(role: Role, preset: str = "") -> Permissions:
    """What a user may do; a preset that is not known, such as a later Hearth's, allows nothing."""
    if role is Role.CUSTOM:
        return OF_PRESET.get(preset, frozenset())
    return OF_ROLE[role]


def holders(permission: Permission) -> str:
    """Who has a permission, as the end of a sentence: `the roles admin and user have`."""
    roles = [role for role, has in OF_ROLE.items() if permission in has]
    presets = [preset for preset, has in OF_PRESET.items() if permission in has]
    if not presets:
        return f"the role {roles[0]} has" if len(roles) == 1 else f"the roles {_list(roles)} have"
    return f"the role {_list(roles, last='or')} or the preset {_list(presets, last='or')} has"


def check_preset(role: Role, preset: str) -> None:
    """Hold a preset to the role it belongs to.

    Raises:
        InvalidRequest: a custom user without one of the presets there are, or another with one.
    """
    if role is not Role.CUSTOM:
        if preset:
            raise InvalidRequest(
                f"permissionPreset: only users of the role {Role.CUSTOM} have one; "
                f"this one is {role}.",
                param="permissionPreset",
            )
    elif preset not in OF_PRESET:
        said = f"there is no preset {preset[:80]!r}" if preset else "a custom user needs one"
        raise InvalidRequest(
            f"permissionPreset: {said}; use {_list(OF_PRESET, last='or')}.",
            param="permissionPreset",
        )


def _list(names: Iterable[str], last: str = "and") -> str:
    *others, final = names
    return f"{', '.join(others)} {last} {final}" if others else final
