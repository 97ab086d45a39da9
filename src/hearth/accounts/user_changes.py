"""What a request may change of a user, and what a new one is called; no database in it."""

from __future__ import annotations

import re

from msgspec import UNSET

from hearth.accounts.access import require_admin
from hearth.accounts.roles import check_preset
from hearth.accounts.types import Caller, User, UserCreate, UserUpdate
from hearth.errors import InvalidRequest
from hearth.kit.ids import is_resource_id, new_id

_IMMUTABLE = {"name": "name", "service_account": "serviceAccount"}
_COLUMNS = ("display_name", "email")
_MAX_ID_CHARS = 63


def changed_columns(before: User, change: UserUpdate, by: Caller | None) -> dict[str, object]:
    """The columns that a change gives other values; clients repeat what they do not change.

    Args:
        before: the user as it is.
        change: what the client sent.
        by: who asks; None for the operator.

    Raises:
        InvalidRequest: it changes what cannot be changed, or the preset is not one of the role's.
        PermissionDenied: it changes role or preset, and the caller is no admin.
    """
    for field, wire in _IMMUTABLE.items():
        given, present = getattr(change, field), getattr(before, field)
        if given is not UNSET and given != present:
            raise InvalidRequest(
                f"{wire} cannot be changed: it is {present!r}; make another user instead.",
                param=wire,
            )
    roles = _roles(before, change)
    if roles and by is not None:
        require_admin(by)
    given_columns = {field: getattr(change, field) for field in _COLUMNS}
    return roles | {
        field: value
        for field, value in given_columns.items()
        if value is not UNSET and value != getattr(before, field)
    }


def _roles(before: User, change: UserUpdate) -> dict[str, object]:
    """Role and preset after a change, if it changes one; another role ends the preset."""
    role = before.role if change.role is UNSET else change.role
    kept = before.permission_preset if role is before.role else ""
    preset = kept if change.permission_preset is UNSET else change.permission_preset
    if (role, preset) == (before.role, before.permission_preset):
        return {}
    check_preset(role, preset)
    return {"role": role, "permission_preset": preset}


def id_from(email: str) -> str:
    """The id of a new user that is given none: what its email begins with, else a random one.

    Fireworks, "Create user": a default id is generated from the email.
    """
    local = re.sub(r"[^a-z0-9]+", "-", email.partition("@")[0].lower())
    chosen = local.lstrip("-0123456789")[:_MAX_ID_CHARS].strip("-")
    return chosen if is_resource_id(chosen) else new_id("user")


def is_made_by(user: User, spec: UserCreate) -> bool:
    """Whether a user is still what this request makes."""
    wanted = (spec.role, spec.display_name, spec.service_account, spec.permission_preset)
    is_same_email = spec.email == user.email or (spec.service_account and not spec.email)
    present = (user.role, user.display_name, user.service_account, user.permission_preset)
    return wanted == present and is_same_email
