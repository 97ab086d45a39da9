"""What a caller may do, said once for every feature."""

from __future__ import annotations

from hearth.accounts.roles import Permission, Role, holders
from hearth.accounts.types import Caller
from hearth.errors import NotFound, PermissionDenied


def require_account(caller: Caller, account_id: str) -> None:
    """Let a caller into its own account only.

    Raises:
        NotFound: it is another's, which looks just like one that does not exist.
    """
    if caller.account_id != account_id:
        raise NotFound(f"There is no account {account_id[:80]!r}.")


def require(caller: Caller, *permissions: Permission) -> None:
    """Let through who has every one of these permissions.

    Raises:
        PermissionDenied: one is missing; the message names it and who has it.
    """
    for permission in permissions:
        if permission not in caller.permissions:
            raise PermissionDenied(
                f"This needs the permission {permission.value!r}, which {holders(permission)}; "
                f"{caller.user_id!r} is {_standing(caller)}. An admin of the account can change it."
            )


def require_own(caller: Caller, owner: str, permission: Permission) -> None:
    """Let who has `permission` change what it made itself; what others made needs `manage` too.

    Args:
        caller: who wants to change something.
        owner: the id of the user who made it; empty when nobody of the account did.
        permission: `write` or `deploy`.

    Raises:
        PermissionDenied: it is another's, or the caller may change nothing of this kind.
    """
    require(caller, permission)
    if caller.user_id != owner:
        require(caller, Permission.MANAGE)


def require_admin(caller: Caller) -> None:
    """Let only admins through; raises `PermissionDenied`."""
    require(caller, Permission.ADMIN)


def require_self_or_admin(caller: Caller, user_id: str) -> None:
    """Let users act on themselves, and admins on everyone; raises `PermissionDenied`."""
    if caller.user_id != user_id:
        require_admin(caller)


def _standing(caller: Caller) -> str:
    if caller.role is not Role.CUSTOM:
        return caller.role.value
    return f"custom with the preset {caller.permission_preset or 'none'}"
