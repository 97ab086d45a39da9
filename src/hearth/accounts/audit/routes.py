"""The audit log over HTTP: its account's admins and auditors read it, nobody writes it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hearth.accounts.audit.log import AuditLog
from hearth.accounts.audit.types import Interval
from hearth.accounts.door import Door
from hearth.accounts.roles import Permission
from hearth.accounts.types import Caller
from hearth.errors import InvalidRequest
from hearth.kit.bodies import read_mask
from hearth.kit.clock import from_rfc3339
from hearth.kit.pages import list_query

MAX_EMAIL_CHARS = 256


def audit_routes(log: AuditLog, caller_of: Callable[[Request], Caller]) -> list[Route]:
    """The route of the audit log; `caller_of` authenticates, or raises `Unauthenticated`."""
    resource = _AuditLogs(log, Door(caller_of))
    return [Route("/accounts/{account_id}/auditLogs", resource.list, methods=["GET"])]


class _AuditLogs:
    def __init__(self, log: AuditLog, door: Door[Request]) -> None:
        self._log = log
        self._door = door

    async def list(self, request: Request) -> Response:
        """List what was changed in the account, by whom, the newest first."""
        account_id = self._door.require(request, Permission.AUDIT).account_id
        params = request.query_params
        page = await self._log.list(
            account_id, list_query(params), _interval(request), email=_email(request)
        )
        mask = params.get("readMask", "")
        body = {
            "auditLogs": [read_mask(entry, mask) for entry in page.items],
            "nextPageToken": page.next_page_token,
            "totalSize": page.total_size,
        }
        return Response(msgspec.json.encode(body), media_type="application/json")


def _interval(request: Request) -> Interval:
    start, end = _time(request, "startTime"), _time(request, "endTime")
    if start is not None and end is not None and end < start:
        raise InvalidRequest("endTime lies before startTime.", param="endTime")
    return Interval(start=start, end=end)


def _time(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name, "")
    try:
        return from_rfc3339(text) if text else None
    except ValueError as error:
        raise InvalidRequest(f"{name}: {str(error)[:200]}.", param=name) from error


def _email(request: Request) -> str:
    email = request.query_params.get("email", "")
    if len(email) > MAX_EMAIL_CHARS or "\x00" in email:
        raise InvalidRequest(f"email: at most {MAX_EMAIL_CHARS} characters.", param="email")
    return email
