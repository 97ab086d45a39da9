"""The one mechanism of the control plane: named, typed documents that clients make and change.

It knows paging, presence, revisions, repeats and the audit log; what a resource means is in the
`Rules` of its feature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from hearth.errors import Conflict, InvalidRequest, NotFound
from hearth.kit.clock import Clock, utc_now
from hearth.kit.db import Connection, Database
from hearth.kit.ids import check_resource_id, new_id
from hearth.kit.pages import ListQuery, Page
from hearth.resources import store
from hearth.resources.documents import Documents
from hearth.resources.fields import Json, list_fields, masked, merge, settable
from hearth.resources.types import BY_OPERATOR, Asking, Creation, Draft, Kind, Rules, Stored

T = TypeVar("T", bound=Struct)

REPEATABLE = timedelta(hours=24)  # how long a create with a key is remembered


class Resources(Generic[T]):
    """All resources of one kind.

    Args:
        db: open, and up to date.
        kind: what they are.
        rules: what their feature has to say of them.
        clock: tells the present moment.
    """

    def __init__(
        self, db: Database, kind: Kind[T], rules: Rules[T], clock: Clock = utc_now
    ) -> None:
        self._db = db
        self.kind = kind
        self.documents = Documents(kind, clock)
        self._rules = rules
        self._clock = clock

    async def create(self, new: Creation, asking: Asking = BY_OPERATOR) -> T:
        """Make a resource, under a generated id where none is chosen.

        The same request again (by its key, or as a declared retry) makes nothing and returns what
        the first attempt made; `validateOnly` makes nothing at all.

        Raises:
            InvalidRequest: a field does not fit, or no resource may be called so.
            Conflict: the name is taken.
        """
        if new.id:
            check_resource_id(new.id, param=self.kind.id_param)
        digest = _digest(self.kind.collection, new)
        new = replace(new, body=settable(self.kind, new.body, new.parent))
        try:
            async with self._db.write() as conn:
                repeated = await self._repeated(conn, new, digest, asking)
                if repeated is not None:
                    return repeated.resource
                stored = await self._insert(conn, new, digest, asking)
                if asking.flag("validateOnly"):
                    raise _Validated(stored)
        except _Validated as validated:
            resource: T = validated.stored.resource
            return resource
        return stored.resource

    async def _insert(
        self, conn: Connection, new: Creation, digest: str, asking: Asking
    ) -> Stored[T]:
        new_name = self.name_of(new.parent, new.id or new_id(self.kind.id_prefix))
        now = self._clock()
        body = merge(self.kind.type, {}, new.body) | {"name": new_name}
        draft = Draft(resource=self.documents.typed(body, create_time=now, update_time=now))
        draft = await self._rules.creating(conn, draft, asking)
        name = str(getattr(draft.resource, "name"))  # noqa: B009  rules may choose another id
        values = {
            "name": name,
            "account_id": new.account_id,
            "parent": new.parent,
            "collection": self.kind.collection,
            "revision": 1,
            "create_digest": digest,
            "created_by": asking.actor.principal,
            "create_time": now,
        }
        values |= self.documents.columns(draft, now)
        await self._check_not_deleted(conn, name)
        await store.insert_resource(conn, values, words=self.kind.words)
        if asking.request_key:
            made = {"digest": digest, "name": name, "create_time": now}
            key = {"account_id": new.account_id, "request_key": asking.request_key}
            await store.insert_create_request(conn, key | made)
            await store.forget_create_requests(conn, now - REPEATABLE)
        await self.documents.audit(conn, "Create", name, new.body, asking)
        return await self.documents.read(conn, name)

    async def _check_not_deleted(self, conn: Connection, name: str) -> None:
        """Raises `Conflict` where a name is held by a resource that can be had back."""
        if self.kind.restorable_s is None:
            return
        found = await self.documents.find(conn, name)
        if found is not None and found.delete_time is not None:
            raise Conflict(
                f"The {self.kind.words} {name} was deleted and still holds its name: undelete it, "
                "or delete it for good with hard=true, or choose another id."
            )

    async def _repeated(
        self, conn: Connection, new: Creation, digest: str, asking: Asking
    ) -> Stored[T] | None:
        """What an earlier attempt of the same request made."""
        if asking.request_key:
            earlier = await store.get_create_request(conn, new.account_id, asking.request_key)
            if earlier is not None and earlier[0] != digest:
                raise Conflict("This request key was used for another request; choose a new one.")
            if earlier is not None:
                return await self.documents.find(conn, earlier[1])
        if asking.is_retry and new.id:
            found = await self.documents.find(conn, self.name_of(new.parent, new.id))
            return found if found is not None and found.create_digest == digest else None
        return None

    def name_of(self, parent: str, resource_id: str) -> str:
        """The full name of a resource of this kind."""
        return f"{parent}/{self.kind.collection}/{resource_id}"

    async def get(self, name: str) -> T:
        """The resource, also one that was deleted and can be had back; raises `NotFound`."""
        async with self._db.read() as conn:
            return (await self.documents.read(conn, name)).resource

    async def list(self, parent: str, query: ListQuery, *, with_deleted: bool = False) -> Page[T]:
        """A page of what `parent` has of this kind; raises `InvalidRequest`."""
        fields = list_fields(self.kind.type)
        async with self._db.read() as conn:
            page = await store.list_resources(
                conn, store.Place(parent, self.kind.collection, with_deleted), query, fields
            )
        return page.map(lambda row: self.documents.stored(row).resource)

    async def update(
        self, name: str, change: Json, *, mask: Sequence[str] = (), asking: Asking = BY_OPERATOR
    ) -> T:
        """Change what is present in the change, or what the mask names.

        Raises:
            NotFound: there is no such resource, or it was deleted.
            InvalidRequest: a field does not fit, or cannot be changed.
            Conflict: somebody else changed it since the client read it.
        """
        async with self._db.write() as conn:
            before = await self.documents.read(conn, name, is_locked=True)
            if before.delete_time is not None:
                raise NotFound(f"The {self.kind.words} {name} was deleted; undelete it first.")
            asking.check_may_change(before.created_by)
            self._check_etag(before, str(change.get("etag") or asking.etag))
            current = msgspec.to_builtins(before.resource)
            change = masked(change, mask) if mask else change
            self._check_immutable(current, change)
            body = settable(self.kind, change, name.rsplit("/", 2)[0])
            body = {key: value for key, value in body.items() if key not in self.kind.immutable}
            now = self._clock()
            merged = merge(self.kind.type, current, body)
            resource = self.documents.typed(merged, create_time=before.create_time, update_time=now)
            after = Draft(resource=resource, internal=before.internal)
            after = await self._rules.updating(conn, before, after, asking)
            values = self.documents.columns(after, now) | {"revision": before.revision + 1}
            await store.update_resource(conn, name, values)
            await self.documents.audit(conn, "Update", name, body, asking)
            return (await self.documents.read(conn, name)).resource

    async def delete(self, name: str, asking: Asking = BY_OPERATOR) -> None:
        """Delete a resource; with `hard`, or where its kind cannot be restored, for good.

        Raises:
            NotFound: there is none, or it was deleted before.
            InvalidRequest, Conflict: the rules of its kind forbid it.
        """
        async with self._db.write() as conn:
            stored = await self.documents.read(conn, name, is_locked=True)
            asking.check_may_change(stored.created_by)
            is_hard = self.kind.restorable_s is None or asking.flag("hard")
            if stored.delete_time is not None and not is_hard:
                raise NotFound(f"The {self.kind.words} {name} was deleted already.")
            self._check_etag(stored, asking.etag or asking.params.get("etag", ""))
            draft = await self._rules.deleting(conn, stored, asking)
            if is_hard:
                await store.delete_resource(conn, name)
            else:
                await self.documents.delete_softly(conn, stored, draft)
            await self.documents.audit(conn, "Delete", name, dict(asking.params), asking)

    async def undelete(self, name: str, asking: Asking = BY_OPERATOR) -> T:
        """Have a deleted resource back; raises `NotFound`, or `Conflict` if it was not deleted."""
        async with self._db.write() as conn:
            stored = await self.documents.read(conn, name, is_locked=True)
            asking.check_may_change(stored.created_by)
            if stored.delete_time is None:
                raise Conflict(f"The {self.kind.words} {name} is not deleted.")
            draft = await self._rules.undeleting(conn, stored, asking)
            values = self.documents.columns(draft, self._clock()) | {
                "delete_time": None,
                "purge_time": None,
            }
            await store.update_resource(conn, name, values | {"revision": stored.revision + 1})
            await self.documents.audit(conn, "Undelete", name, {}, asking)
            return (await self.documents.read(conn, name)).resource

    def _check_immutable(self, current: Json, change: Json) -> None:
        for name in sorted(self.kind.immutable & change.keys()):
            given, present = change[name], current.get(name)
            if given not in (present, None, "") and not _is_same_name(given, present):
                raise InvalidRequest(
                    f"{name} cannot be changed: it is {present!r}; make another "
                    f"{self.kind.words} instead.",
                    param=name,
                )

    def _check_etag(self, stored: Stored[T], etag: str) -> None:
        if etag and etag.strip('"') != str(stored.revision):
            raise Conflict(
                f"{stored.name} was changed since you read it (your etag is {etag[:40]}, now it is "
                f"{stored.revision}); read it again and repeat your change.",
                param="etag",
            )


class _Validated(Exception):
    """Ends the transaction of a create that was only to be checked."""

    def __init__(self, stored: Any) -> None:  # Any: an exception cannot be generic
        super().__init__()
        self.stored = stored


def _is_same_name(given: object, current: object) -> bool:
    """Whether a bare id stands for the full name that a field holds."""
    return (
        isinstance(given, str)
        and isinstance(current, str)
        and "/" not in given
        and current.rpartition("/")[2] == given
    )


def _digest(*parts: object) -> str:
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
