"""The table of resources, and of the creates that must not happen twice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Row,
    Table,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from hearth.errors import Conflict
from hearth.kit.columns import TEXT, JsonValue, UtcTime
from hearth.kit.db import Connection, metadata
from hearth.kit.fields import Fields
from hearth.kit.json_fields import Scalar, json_field
from hearth.kit.pages import ListQuery, Page, fetch_page

resources = Table(
    "resources",
    metadata,
    Column("name", TEXT, primary_key=True),
    Column("account_id", TEXT, nullable=False),
    Column("parent", TEXT, nullable=False),
    Column("collection", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("body", JsonValue, nullable=False),
    Column("internal", JsonValue, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("create_digest", TEXT, nullable=False),
    Column("created_by", TEXT, nullable=False),
    Column("create_time", UtcTime, nullable=False),
    Column("update_time", UtcTime, nullable=False),
    Column("delete_time", UtcTime, nullable=True),
    Column("purge_time", UtcTime, nullable=True),
    Column("expire_time", UtcTime, nullable=True),
    Index("ix_resources_parent_collection", "parent", "collection"),
    Index("ix_resources_collection_state", "collection", "state"),
)

create_requests = Table(
    "create_requests",
    metadata,
    Column("account_id", TEXT, primary_key=True),
    Column("request_key", TEXT, primary_key=True),
    Column("digest", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("create_time", UtcTime, nullable=False),
)

COLUMN_FIELDS: Fields = {
    "name": resources.c.name,
    "state": resources.c.state,
    "create_time": resources.c.create_time,
    "update_time": resources.c.update_time,
    "delete_time": resources.c.delete_time,
    "purge_time": resources.c.purge_time,
    "expire_time": resources.c.expire_time,
    "created_by": resources.c.created_by,
}
"What lists are filtered and ordered by beside what the documents hold."

AnyRow = Row[*tuple[Any, ...]]  # Any: the columns of a row have many types
Values = Mapping[str, object]


# Any: a column of whatever type.
def body_field(path: tuple[str, ...], kind: type, default: Scalar | None) -> Any:
    """A scalar of a document, for lists; see `json_field`."""
    return json_field(resources.c.body, path, kind, default)


async def insert_resource(conn: Connection, values: Values, *, words: str) -> None:
    """Add a resource; raises `Conflict` when its name is taken."""
    try:
        await conn.execute(insert(resources).values(**values))
    except IntegrityError as error:
        raise taken(str(values["name"]), words) from error


def taken(name: str, words: str) -> Conflict:
    """What the maker of a resource learns whose name is another's."""
    return Conflict(f"The {words} {name} exists already; choose another id, or change that one.")


async def get_resource(conn: Connection, name: str, *, is_locked: bool = False) -> AnyRow | None:
    """The row of a name.

    Args:
        is_locked: nobody else changes it until the transaction ends.
    """
    query = select(resources).where(resources.c.name == name)
    return (await conn.execute(query.with_for_update() if is_locked else query)).one_or_none()


async def update_resource(conn: Connection, name: str, values: Values) -> None:
    """Change columns of a resource that was locked before."""
    await conn.execute(update(resources).where(resources.c.name == name).values(**values))


async def delete_resource(conn: Connection, name: str) -> None:
    """Forget a resource."""
    await conn.execute(delete(resources).where(resources.c.name == name))


class Place(NamedTuple):
    """Where resources are listed."""

    parent: str
    collection: str
    with_deleted: bool = False


async def list_resources(
    conn: Connection, place: Place, query: ListQuery, fields: Fields
) -> Page[AnyRow]:
    """A page of what a parent has in a collection."""
    rows = select(resources).where(
        resources.c.parent == place.parent, resources.c.collection == place.collection
    )
    if not place.with_deleted:
        rows = rows.where(resources.c.delete_time.is_(None))
    return await fetch_page(conn, rows, fields, ["name"], query)


async def every_resource(conn: Connection, collection: str) -> list[AnyRow]:
    """All of a collection, of every account, deleted ones included, by name."""
    query = select(resources).where(resources.c.collection == collection)
    return list((await conn.execute(query.order_by(resources.c.name))).all())


async def get_create_request(
    conn: Connection, account_id: str, request_key: str
) -> tuple[str, str] | None:
    """Digest and resource of the create that was made under a key."""
    columns = create_requests.c
    query = select(columns.digest, columns.name).where(
        columns.account_id == account_id, columns.request_key == request_key
    )
    row = (await conn.execute(query)).one_or_none()
    return None if row is None else (row.digest, row.name)


async def insert_create_request(conn: Connection, values: Values) -> None:
    """Remember a create; raises `Conflict` when another attempt was faster."""
    try:
        await conn.execute(insert(create_requests).values(**values))
    except IntegrityError as error:
        raise Conflict("The same request is being carried out right now; read its result.") from (
            error
        )


async def forget_create_requests(conn: Connection, before: datetime) -> None:
    """Forget creates that nobody tries again any more."""
    await conn.execute(delete(create_requests).where(create_requests.c.create_time < before))
