"""The table of the audit log. Triggers refuse to change or remove a row; see the migrations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Boolean, Column, Index, Row, Table, insert, literal, or_, select

from hearth.accounts.audit.types import AuditLogEntry, Interval
from hearth.accounts.store import users
from hearth.accounts.types import Status
from hearth.kit.columns import TEXT, NanoTime
from hearth.kit.db import Connection, metadata
from hearth.kit.fields import Fields
from hearth.kit.pages import ListQuery, Page, fetch_page

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("account_id", TEXT, nullable=False),
    Column("time_ns", NanoTime, nullable=False),
    Column("principal", TEXT, nullable=False),
    Column("api_key_id", TEXT, nullable=False),
    Column("method", TEXT, nullable=False),
    Column("resource", TEXT, nullable=False),
    Column("payload", TEXT, nullable=False),
    Column("status_code", TEXT, nullable=False),
    Column("message", TEXT, nullable=False),
    Column("is_admin_action", Boolean, nullable=False),
    Column("client_ip", TEXT, nullable=False),
    Column("user_agent", TEXT, nullable=False),
    Index("ix_audit_log_account_id_time_ns", "account_id", "time_ns"),
)

_FIELDS: Fields = {
    "id": audit_log.c.id,
    "timestamp": audit_log.c.time_ns,
    "principal": audit_log.c.principal,
    "method": audit_log.c.method,
    "resource": audit_log.c.resource,
    "status.code": audit_log.c.status_code,
    "message": audit_log.c.message,
    "is_admin_action": audit_log.c.is_admin_action,
    "user_agent": audit_log.c.user_agent,
    "client_ip": audit_log.c.client_ip,
    "api_key_id": audit_log.c.api_key_id,
}


async def insert_entry(conn: Connection, values: Mapping[str, object]) -> None:
    """Add an entry."""
    await conn.execute(insert(audit_log).values(**values))


async def list_entries(
    conn: Connection, account_id: str | None, query: ListQuery, interval: Interval, *, email: str
) -> Page[AuditLogEntry]:
    """A page of an account's entries in an interval, of everyone or of who has this email."""
    rows = select(audit_log)
    if account_id is not None:
        rows = rows.where(audit_log.c.account_id == account_id)
    if interval.start is not None:
        rows = rows.where(audit_log.c.time_ns >= interval.start)
    if interval.end is not None:
        rows = rows.where(audit_log.c.time_ns < interval.end)
    if email:
        name = literal("accounts/", TEXT) + users.c.account_id + "/users/" + users.c.user_id
        theirs = select(name).where(users.c.email == email)
        if account_id is not None:
            theirs = theirs.where(users.c.account_id == account_id)
        rows = rows.where(or_(audit_log.c.principal == email, audit_log.c.principal.in_(theirs)))
    return (await fetch_page(conn, rows, _FIELDS, ["id"], query)).map(_entry)


def _entry(row: Row[*tuple[Any, ...]]) -> AuditLogEntry:  # Any: columns of several types
    timestamp: datetime = row.time_ns
    return AuditLogEntry(
        id=row.id,
        timestamp=timestamp,
        principal=row.principal,
        method=row.method,
        resource=row.resource,
        payload=msgspec.json.decode(row.payload, type=dict[str, object]),
        status=Status(code=row.status_code),
        message=row.message,
        is_admin_action=row.is_admin_action,
        user_agent=row.user_agent,
        client_ip=row.client_ip,
        api_key_id=row.api_key_id,
    )
