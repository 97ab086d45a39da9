"""The audit log: who changed what."""

from __future__ import annotations

from hearth.firectl.crud import lister
from hearth.firectl.grammar import Column, Flag, Noun, Resource
from hearth.firectl.kinds import TIME

RESOURCE = Resource(
    collection="auditLogs",
    columns=(
        Column(title="timestamp", path="timestamp"),
        Column(title="principal", path="principal"),
        Column(title="method", path="method"),
        Column(title="resource", path="resource"),
        Column(title="status", path="status.code"),
        Column(title="message", path="message"),
    ),
)

NOUN = Noun(
    summary="The audit log says who changed what.",
    commands=(
        lister(
            "audit-log",
            RESOURCE,
            (
                Flag(name="start-time", query="startTime", kind=TIME, help="From this moment on."),
                Flag(name="end-time", query="endTime", kind=TIME, help="Before this moment."),
                Flag(name="email", query="email", help="What this person did."),
            ),
            "firectl list audit-logs --start-time 2026-11-01 --email ada@example.com",
        ),
    ),
)
