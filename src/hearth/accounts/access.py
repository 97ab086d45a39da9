"""What a caller may do, said once for every feature."""

from __future__ import annotations

from hearth.accounts.types import Caller, Role
from hearth.errors import NotFound, PermissionDenied


def require_account(caller: Caller, account_id: str) -> None:
    """Let a caller into its own account only.

    Raises:
        NotFound: it is another's, which looks just like one that does not exist.
    """
    if caller.account_id != account_id:
        raise NotFound(f"There is no account {account_id[:80]!r}.")


def require_admin(caller: Caller) -> None:
    """Let only admins through; raises `PermissionDenied`."""
    if caller.role != Role.ADMIN:
        raise PermissionDenied(
            f"Only an admin of the account may do this; {caller.user_id!r} is {caller.role}."
        )


def require_self_or_admin(caller: Caller, user_id: str) -> None:
    """Let users act on themselves, and admins on everyone; raises `PermissionDenied`."""
    if caller.user_id != user_id:
        require_admin(caller)
