"""Who may enter: callers into their own account, and only admins where something changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from hearth.accounts import Caller, require_account, require_admin


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

    def visit(self, request: R) -> Visit:
        """The caller, in the account of the path; raises `NotFound` if that is not its own."""
        caller = self._caller_of(request)
        account_id = str(request.path_params["account_id"])
        require_account(caller, account_id)
        return Visit(caller, account_id)

    def admin(self, request: R) -> Visit:
        """The same for admins; raises `PermissionDenied` for others."""
        visit = self.visit(request)
        require_admin(visit.caller)
        return visit
