"""Pages of lists that are short and made in memory; long ones page in SQL (`kit.pages`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from hearth.errors import InvalidRequest
from hearth.kit.pages import Page, list_query

T = TypeVar("T")


def page_of(items: Sequence[T], params: Mapping[str, str]) -> Page[T]:
    """The page of a list in its own order that the query parameters ask for.

    Raises:
        InvalidRequest: the list is neither filtered nor ordered, or the token is not one of ours.
    """
    query = list_query(params)
    for name, value in (("filter", query.filter), ("orderBy", query.order_by)):
        if value:
            raise InvalidRequest(f"{name}: this list takes none.", param=name)
    token = query.page_token or "0"
    if not (token.isascii() and token.isdecimal() and len(token) < 10):
        raise InvalidRequest("pageToken: this is not one of ours.", param="pageToken")
    start, end = int(token), int(token) + query.page_size
    return Page(
        items=items[start:end],
        next_page_token=str(end) if end < len(items) else "",
        total_size=len(items),
    )
