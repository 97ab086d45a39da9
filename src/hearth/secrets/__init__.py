"""Secrets of accounts: credentials for other services, sealed at rest and shown to nobody."""

from hearth.secrets.routes import routes
from hearth.secrets.service import SecretService
from hearth.secrets.types import Secret

__all__ = ["Secret", "SecretService", "routes"]
