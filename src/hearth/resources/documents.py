"""Rows of the resources table as typed documents, for features' own transactions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from hearth.accounts import AuditEntry, record
from hearth.errors import NotFound
from hearth.kit.bodies import decode_body
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Connection
from hearth.resources import store
from hearth.resources.fields import Json
from hearth.resources.types import KEPT, Asking, Draft, Internal, Kind, Stored

T = TypeVar("T", bound=Struct)


class Documents(Generic[T]):
    """The documents of one kind, over a transaction of the caller's."""

    def __init__(self, kind: Kind[T], clock: Clock = utc_now) -> None:
        self.kind = kind
        self._clock = clock
        self._fields = {field.encode_name for field in msgspec.structs.fields(kind.type)}

    async def find(
        self, conn: Connection, name: str, *, is_locked: bool = False
    ) -> Stored[T] | None:
        """The resource of a name, if it is of this kind."""
        row = await store.get_resource(conn, name, is_locked=is_locked)
        if row is None or row.collection != self.kind.collection:
            return None
        return self.stored(row)

    async def read(self, conn: Connection, name: str, *, is_locked: bool = False) -> Stored[T]:
        """The same; raises `NotFound` where there is none."""
        stored = await self.find(conn, name, is_locked=is_locked)
        if stored is None:
            raise NotFound(f"There is no {self.kind.words} {name[:200]}.")
        return stored

    async def every(self, conn: Connection) -> list[Stored[T]]:
        """All of this kind, of every account, those that were deleted included."""
        return [self.stored(row) for row in await store.every_resource(conn, self.kind.collection)]

    async def save(
        self, conn: Connection, stored: Stored[T], draft: Draft[T], *, is_touched: bool = False
    ) -> None:
        """Keep what Hearth itself found out of a resource that was read with a lock.

        A client's etag stays good: nothing that it chose has changed.

        Args:
            is_touched: whether `updateTime` moves.
        """
        values = self.columns(draft, self._clock())
        if not is_touched:
            del values["update_time"]
        await store.update_resource(conn, stored.name, values)

    async def delete_softly(self, conn: Connection, stored: Stored[T], draft: Draft[T]) -> None:
        """Delete a resource that was read with a lock; until it is purged it can be had back."""
        now = self._clock()
        purge_time = now + timedelta(seconds=self.kind.restorable_s or 0.0)
        values = self.columns(draft, now) | {"delete_time": now, "purge_time": purge_time}
        await store.update_resource(conn, stored.name, values | {"revision": stored.revision + 1})

    async def remove(self, conn: Connection, name: str) -> None:
        """Forget a resource whose time is over."""
        await store.delete_resource(conn, name)

    async def audit(
        self, conn: Connection, verb: str, name: str, payload: object, asking: Asking
    ) -> None:
        """Write a change to the audit log, as `verb` and noun."""
        method = f"{verb}{self.kind.noun}"
        entry = AuditEntry(actor=asking.actor, method=method, resource=name, payload=payload)
        await record(conn, entry, clock=self._clock)

    def typed(self, body: Json, *, create_time: datetime, update_time: datetime) -> T:
        """A body as a resource; raises `InvalidRequest` naming the field that does not fit."""
        times: Json = {"createTime": create_time, "updateTime": update_time}
        whole = body | {name: time for name, time in times.items() if name in self._fields}
        return decode_body(msgspec.json.encode(whole), self.kind.type)

    def columns(self, draft: Draft[T], now: datetime) -> dict[str, object]:
        """What is stored of a draft."""
        resource = draft.resource
        body = msgspec.to_builtins(resource)
        return {
            "state": str(getattr(resource, "state", "")),
            "body": {name: value for name, value in body.items() if name not in KEPT},
            "internal": draft.internal,
            "update_time": now,
            "expire_time": getattr(resource, "expire_time", None),
        }

    # Any: the columns of a row have many types.
    def stored(self, row: Any) -> Stored[T]:
        """A row as a resource."""
        kept: Json = {
            "name": row.name,
            "state": row.state,
            "createTime": row.create_time,
            "updateTime": row.update_time,
            "deleteTime": row.delete_time,
            "purgeTime": row.purge_time,
            "expireTime": row.expire_time,
            "etag": str(row.revision),
            "createdBy": row.created_by,
        }
        body = row.body | {
            name: value
            for name, value in kept.items()
            if name in self._fields and value is not None and value != ""
        }
        internal: Internal = row.internal
        return Stored(
            resource=msgspec.convert(body, self.kind.type),
            internal=internal,
            revision=row.revision,
            create_digest=row.create_digest,
            created_by=row.created_by,
            create_time=row.create_time,
            delete_time=row.delete_time,
            purge_time=row.purge_time,
        )
