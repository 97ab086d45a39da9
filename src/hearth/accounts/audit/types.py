"""What the audit log is told, and what it tells."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from hearth.accounts.types import Status


class Actor(Struct, frozen=True, kw_only=True):
    """Who does something, and from where."""

    principal: str
    "`accounts/a/users/u`, which unlike an email cannot be changed; or `operator`, or `hearth`."
    is_admin: bool = False
    api_key_id: str = ""
    client_ip: str = ""
    user_agent: str = ""


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One change, as the feature that makes it reports it."""

    actor: Actor
    method: str
    "A verb and a noun, such as `CreateApiKey`."
    resource: str
    "The full name of what is changed."
    account_id: str = ""
    "In whose log it stands; empty: in that of the account whose `resource` it is."
    payload: object = {}
    "What was asked for: a dict or Struct. Secrets in it are not kept."
    status: Status = Status()
    message: str = ""


class AuditLogEntry(Struct, frozen=True, kw_only=True, rename="camel"):
    """One line of the log, as the control plane sends it."""

    id: str
    timestamp: datetime
    principal: str
    method: str
    resource: str
    payload: dict[str, object]
    status: Status
    message: str
    is_admin_action: bool
    "Whether an admin of the account, or the operator, did it."
    user_agent: str
    client_ip: str
    api_key_id: str


class Interval(Struct, frozen=True, kw_only=True):
    """From `start` on and before `end`; None is no bound."""

    start: datetime | None = None
    end: datetime | None = None
