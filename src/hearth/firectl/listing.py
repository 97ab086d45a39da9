"""Lists: filters, order, pages counted from one, and several accounts in a row."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from hearth.firectl.call import Call
from hearth.firectl.grammar import Flag
from hearth.firectl.http import Object
from hearth.firectl.kinds import COUNT, SWITCH, TEXT
from hearth.firectl.request_parts import query_of

DEFAULT_PAGE_SIZE = 200  # the most that the API gives at once
FLAGS = (
    Flag(
        name="filter",
        kind=TEXT,
        help="Only what fits, such as 'state = READY AND display_name:\"test\"' (AIP-160).",
    ),
    Flag(name="order-by", kind=TEXT, help="Fields to sort by, such as 'create_time desc,name'."),
    Flag(name="page-size", kind=COUNT, help=f"How many to a page; {DEFAULT_PAGE_SIZE} at most."),
    Flag(name="page-token", kind=COUNT, help="Which page, counted from 1."),
    Flag(name="no-paginate", kind=SWITCH, help="Print all pages."),
)


def show_pages(call: Call, sources: list[tuple[str, str]]) -> None:
    """Print one page, or all of them.

    Args:
        call: what was asked for.
        sources: the paths to list one after the other, each with the key of its rows.
    """
    rows = _rows(call, sources)
    if call.get("no-paginate"):
        call.show_list(list(rows))
        return
    page, size = max(1, call.get("page-token", 1)), call.get("page-size") or DEFAULT_PAGE_SIZE
    call.show_list(list(islice(rows, (page - 1) * size, page * size)))
    if next(rows, None) is not None:
        call.screen.note(f"Page {page}; the next: --page-token {page + 1}, all: --no-paginate.")


def _rows(call: Call, sources: list[tuple[str, str]]) -> Iterator[Object]:
    """Rows in order; the server is asked for a page only when its first row is due."""
    for path, key in sources:
        token = ""
        while True:
            body = call.send("GET", path, query=_query(call, token))
            yield from body.get(key) or []
            token = body.get("nextPageToken") or ""
            if not token:
                break


def _query(call: Call, token: str) -> Object:
    asked = {
        "pageSize": call.get("page-size") or DEFAULT_PAGE_SIZE,
        "filter": call.get("filter"),
        "orderBy": call.get("order-by"),
        "pageToken": token,
    }
    return query_of(call) | {name: value for name, value in asked.items() if value}
