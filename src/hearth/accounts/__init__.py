"""Accounts, users and API keys: who is calling, and what they may do."""

from hearth.accounts.access import (
    require,
    require_account,
    require_admin,
    require_own,
    require_self_or_admin,
)
from hearth.accounts.audit import (
    HEARTH,
    OPERATOR,
    Actor,
    AuditEntry,
    AuditLog,
    AuditLogEntry,
    Interval,
    actor_of,
    record,
)
from hearth.accounts.bootstrap import Credentials, bootstrap, read_credentials
from hearth.accounts.credential import credential
from hearth.accounts.door import Door, Visit
from hearth.accounts.roles import Permission, Role
from hearth.accounts.routes import routes
from hearth.accounts.service import AccountService
from hearth.accounts.snapshot import KeySnapshot, digest
from hearth.accounts.types import ApiKey, Caller, KeyCreate, Status, UserCreate

__all__ = [
    "HEARTH",
    "OPERATOR",
    "AccountService",
    "Actor",
    "ApiKey",
    "AuditEntry",
    "AuditLog",
    "AuditLogEntry",
    "Caller",
    "Credentials",
    "Door",
    "Interval",
    "KeyCreate",
    "KeySnapshot",
    "Permission",
    "Role",
    "Status",
    "UserCreate",
    "Visit",
    "actor_of",
    "bootstrap",
    "credential",
    "digest",
    "read_credentials",
    "record",
    "require",
    "require_account",
    "require_admin",
    "require_own",
    "require_self_or_admin",
    "routes",
]
