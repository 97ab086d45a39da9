"""Who acts: a caller over HTTP, the operator at this machine, or Hearth itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from hearth.accounts.audit.types import Actor
from hearth.accounts.roles import Role
from hearth.accounts.types import Caller

OPERATOR = Actor(principal="operator", is_admin=True)
"Whoever may write the database of this machine: commands act in this name."
HEARTH = Actor(principal="hearth", is_admin=True)
"What a Hearth does by itself, such as making its first account."


class _Address(Protocol):
    @property
    def host(self) -> str: ...


class _Request(Protocol):
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def client(self) -> _Address | None: ...


def actor_of(request: _Request, caller: Caller) -> Actor:
    """Who sends a request. The address is that of the connection: headers can be forged."""
    return Actor(
        principal=f"accounts/{caller.account_id}/users/{caller.user_id}",
        is_admin=caller.role == Role.ADMIN,
        api_key_id=caller.key_id,
        client_ip=request.client.host if request.client else "",
        user_agent=request.headers.get("user-agent", ""),
    )
