"""Writing and reading the audit log. Nothing here changes or removes an entry; nor can SQL."""

from __future__ import annotations

from dataclasses import replace

from hearth.accounts.audit import store
from hearth.accounts.audit.redaction import redact_text, write_payload
from hearth.accounts.audit.types import AuditEntry, AuditLogEntry, Interval
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Connection, Database
from hearth.kit.ids import new_id
from hearth.kit.pages import ListQuery, Page

NEWEST_FIRST = "timestamp desc, id desc"


async def record(conn: Connection, entry: AuditEntry, *, clock: Clock = utc_now) -> None:
    """Add an entry in the transaction of the change: both are kept, or neither is."""
    actor = entry.actor
    values = {
        "id": new_id("audit"),
        "account_id": entry.account_id or _account_of(entry.resource),
        "time_ns": clock(),
        "principal": actor.principal,
        "api_key_id": actor.api_key_id,
        "method": entry.method,
        "resource": entry.resource,
        "payload": write_payload(entry.payload),
        "status_code": entry.status.code,
        "message": redact_text(entry.message or entry.status.message),
        "is_admin_action": actor.is_admin,
        "client_ip": actor.client_ip,
        "user_agent": redact_text(actor.user_agent),
    }
    await store.insert_entry(conn, values)


class AuditLog:
    """The log of every account, for reading."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def list(
        self, account_id: str | None, query: ListQuery, interval: Interval, *, email: str = ""
    ) -> Page[AuditLogEntry]:
        """A page of an account's log, the newest first unless the query says otherwise.

        Args:
            account_id: whose log; None for all there is, which is for the operator alone.
            query: what is asked of the list.
            interval: only what happened in it.
            email: only what the users that have this email now did.

        Raises:
            InvalidRequest: the query is wrong; `param` says where.
        """
        query = replace(query, order_by=query.order_by or NEWEST_FIRST)
        async with self._db.read() as conn:
            return await store.list_entries(conn, account_id, query, interval, email=email)


def _account_of(resource: str) -> str:
    collection, _, rest = resource.partition("/")
    return rest.partition("/")[0] if collection == "accounts" else ""
