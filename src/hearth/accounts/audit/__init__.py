"""The audit log: who changed what, written in the transaction of the change itself."""

from hearth.accounts.audit.actors import HEARTH, OPERATOR, actor_of
from hearth.accounts.audit.log import AuditLog, record
from hearth.accounts.audit.types import Actor, AuditEntry, AuditLogEntry, Interval

__all__ = [
    "HEARTH",
    "OPERATOR",
    "Actor",
    "AuditEntry",
    "AuditLog",
    "AuditLogEntry",
    "Interval",
    "actor_of",
    "record",
]
