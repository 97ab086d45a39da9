"""Pages of lists that are short and made in memory; long ones page in SQL (`kit.pages`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

from hearth.errors import InvalidRequest
from hearth.kit.listing import compile_predicate, in_order, struct_fields
from hearth.kit.pages import Page, list_query

T = TypeVar("T", bound=Struct)


def page_of(items: Sequence[T], params: Mapping[str, str], kind: type[T]) -> Page[T]:
    """The page of a list that the query parameters ask for; without `orderBy` in its own order.

    Raises:
        InvalidRequest: the filter or the order is wrong, or the token is not one of ours.
    """
    query = list_query(params)
    fields = struct_fields(kind)
    holds = compile_predicate(query.filter, fields)
    found = in_order([item for item in items if holds(item)], fields, query.order_by)
    token = query.page_token or "0"
    if not (token.isascii() and token.isdecimal() and len(token) < 10):
        raise InvalidRequest("pageToken: this is not one of ours.", param="pageToken")
    start, end = int(token), int(token) + query.page_size
    return Page(
        items=found[start:end],
        next_page_token=str(end) if end < len(found) else "",
        total_size=len(found),
    )
