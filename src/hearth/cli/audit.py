"""`hearth audit`: who changed what on this Hearth, also what belongs to no single account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hearth.accounts import AuditLogEntry


def audit(
    *,
    account: Annotated[str | None, typer.Option(help="Only this account's log.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="From then on, such as 2027-01-31T12:00:00Z.")
    ] = None,
    matching: Annotated[
        str, typer.Option("--filter", help="As lists take it, such as method=CreatePriceBook.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
) -> None:
    """Show who changed what: prices, limits, accounts, users and keys."""
    import asyncio

    for entry in reversed(asyncio.run(_collect(account, since, matching, limit))):
        typer.echo(_line(entry))


def _line(entry: AuditLogEntry) -> str:
    import msgspec

    from hearth.kit.clock import to_rfc3339

    payload = msgspec.json.encode(entry.payload).decode() if entry.payload else ""
    told = [entry.principal, entry.method, entry.resource, payload, entry.message]
    return "  ".join([to_rfc3339(entry.timestamp), *filter(None, told)])


async def _collect(
    account: str | None, since: str | None, matching: str, limit: int
) -> list[AuditLogEntry]:
    """The newest entries, the newest first.

    Raises:
        InvalidRequest: the time or the filter cannot be read.
        SetupError: the database cannot be opened.
    """
    from hearth.accounts import AuditLog, Interval
    from hearth.cli.state import state
    from hearth.errors import InvalidRequest
    from hearth.kit.clock import from_rfc3339
    from hearth.kit.pages import MAX_PAGE_SIZE, ListQuery

    try:
        interval = Interval(start=from_rfc3339(since) if since else None)
    except ValueError as error:
        raise InvalidRequest(f"--since: {error}.", param="since") from error
    found: list[AuditLogEntry] = []
    token = ""
    async with state() as db:
        while len(found) < limit:
            size = min(limit - len(found), MAX_PAGE_SIZE)
            query = ListQuery(page_size=size, page_token=token, filter=matching)
            page = await AuditLog(db).list(account, query, interval)
            found += page.items
            token = page.next_page_token
            if not token:
                break
    return found
