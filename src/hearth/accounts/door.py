"""Who may enter: callers into their own account, with the permission that a route asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from hearth.accounts.access import require, require_account
from hearth.accounts.roles import Permission
from hearth.accounts.types import Caller


class PathRequest(Protocol):
    """What is needed of a request to say whose resource it asks for."""

    @property
    def path_params(self) -> Mapping[str, Any]:  # Any: converters may give other types
        """What the path named, by the names of the pattern."""


R = TypeVar("R", bound=PathRequest)


class Visit(NamedTuple):
    """A caller in its own account."""

    caller: Caller
    account_id: str


class Door(Generic[R]):
    """Lets callers in; `caller_of` authenticates a request or raises `Unauthenticated`."""

    def __init__(self, caller_of: Callable[[R], Caller]) -> None:
        self._caller_of = caller_of

    def enter(self, request: R) -> Visit:
        """The caller, in the account of the path, whatever it may do there; for what everyone may
        do to oneself. Raises `NotFound` if the account is not its own."""
        caller = self._caller_of(request)
        account_id = str(request.path_params["account_id"])
        require_account(caller, account_id)
        return Visit(caller, account_id)

    def require(self, request: R, *permissions: Permission) -> Visit:
        """The same for who has all these permissions; raises `PermissionDenied` for others."""
        visit = self.enter(request)
        require(visit.caller, *permissions)
        return visit

    def visit(self, request: R) -> Visit:
        """The same for who may see the account's resources."""
        return self.require(request, Permission.READ)

    def admin(self, request: R) -> Visit:
        """The same for admins."""
        return self.require(request, Permission.ADMIN)
