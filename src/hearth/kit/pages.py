"""Lists as AIP-132 and AIP-158 page them: filter, order, and a token that says where to go on.

Pages are cut by value, not by counting: a row that stays is listed exactly once however many
others come and go between two pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Row, Select, and_, false, func, or_, select

from hearth.errors import InvalidRequest
from hearth.kit.db import Connection
from hearth.kit.fields import Fields
from hearth.kit.filters import compile_filter
from hearth.kit.ordering import SortKey, parse_order
from hearth.kit.page_tokens import bind, read_token, write_token

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 200

T_co = TypeVar("T_co", covariant=True)
U = TypeVar("U")


@dataclass(frozen=True, kw_only=True)
class ListQuery:
    """What a caller asks of a list; the empty query asks for its first page."""

    page_size: int = DEFAULT_PAGE_SIZE
    page_token: str = ""
    filter: str = ""
    order_by: str = ""


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T_co]):
    """One page; `total_size` counts all pages, and an empty token says this is the last."""

    items: Sequence[T_co]
    next_page_token: str
    total_size: int

    def map(self, change: Callable[[T_co], U]) -> Page[U]:
        """The same page of other things."""
        return Page(
            items=[change(item) for item in self.items],
            next_page_token=self.next_page_token,
            total_size=self.total_size,
        )


def list_query(params: Mapping[str, str]) -> ListQuery:
    """Read the query parameters of a list.

    Raises:
        InvalidRequest: pageSize is not a whole number, or below 0.
    """
    size = params.get("pageSize") or "0"
    if not (size.isascii() and size.isdecimal() and len(size) < 10):
        raise InvalidRequest(
            f"pageSize: write a whole number up to {MAX_PAGE_SIZE}, not {size[:40]!r}.",
            param="pageSize",
        )
    return ListQuery(
        page_size=min(int(size) or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE),
        page_token=params.get("pageToken", ""),
        filter=params.get("filter", ""),
        order_by=params.get("orderBy", ""),
    )


# Any: the columns of a row are the caller's choice.
async def fetch_page(
    conn: Connection,
    rows: Select[*tuple[Any, ...]],
    fields: Fields,
    unique: Sequence[str],
    query: ListQuery,
) -> Page[Row[*tuple[Any, ...]]]:
    """Fetch the page of `rows` that the query asks for.

    Args:
        conn: a transaction.
        rows: everything the caller may see, unordered.
        fields: what may be named in `filter` and `orderBy`.
        unique: the fields that are together different in each row; the order without `orderBy`.
        query: what is asked.

    Raises:
        InvalidRequest: the filter, the order or the token is wrong; `param` says which.
    """
    rows = rows.where(compile_filter(query.filter, fields))
    keys = parse_order(query.order_by, fields, unique)
    compiled = rows.compile(dialect=conn.dialect)
    binding = bind(str(compiled), repr(compiled.params), query.order_by)
    paged = rows.add_columns(*(key.column.label(f"_key{i}") for i, key in enumerate(keys)))
    if query.page_token:
        paged = paged.where(_after(keys, read_token(query.page_token, keys, binding)))
    paged = paged.order_by(*(key.clause() for key in keys)).limit(query.page_size + 1)
    found = (await conn.execute(paged)).all()
    total = await conn.execute(select(func.count()).select_from(rows.subquery()))
    items, token = found[: query.page_size], ""
    if len(found) > query.page_size:
        last = [items[-1]._mapping[f"_key{i}"] for i in range(len(keys))]
        token = write_token(last, binding)
    return Page(items=items, next_page_token=token, total_size=total.scalar_one())


def _after(keys: Sequence[SortKey], values: Sequence[object]) -> ColumnElement[bool]:
    """The rows that come after the one with these values in the order of the keys."""
    options: list[ColumnElement[bool]] = [false()]
    same: list[ColumnElement[bool]] = []
    for key, value in zip(keys, values, strict=True):
        options.append(and_(*same, key.follows(value)))
        same.append(key.equals(value))
    return or_(*options)
