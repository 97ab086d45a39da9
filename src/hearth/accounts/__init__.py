"""Accounts, users and API keys: who is calling, and what they may do."""

from hearth.accounts.access import require_account
from hearth.accounts.bootstrap import Credentials, bootstrap, read_credentials
from hearth.accounts.credential import credential
from hearth.accounts.routes import routes
from hearth.accounts.service import AccountService
from hearth.accounts.snapshot import KeySnapshot, digest
from hearth.accounts.types import ApiKey, Caller, KeyCreate, Role, UserCreate

__all__ = [
    "AccountService",
    "ApiKey",
    "Caller",
    "Credentials",
    "KeyCreate",
    "KeySnapshot",
    "Role",
    "UserCreate",
    "bootstrap",
    "credential",
    "digest",
    "read_credentials",
    "require_account",
    "routes",
]
