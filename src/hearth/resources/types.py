"""What a control-plane resource is: a typed document under a name, and what is asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct

from hearth.accounts import OPERATOR, Actor, Caller, Permission, require_own
from hearth.kit.db import Connection

T = TypeVar("T", bound=Struct)

Internal = dict[str, Any]  # Any: JSON that the feature which owns the resource keeps beside it

KEPT = (
    "name",
    "state",
    "createTime",
    "updateTime",
    "deleteTime",
    "purgeTime",
    "expireTime",
    "etag",
    "createdBy",
)
"Fields of a resource that stand in columns of their own, where its type has them."


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[T]):
    """What one collection holds.

    Args:
        collection: its name in paths and resource names, in camelCase.
        noun: one of them, as in `CreateDeployment`; also the words of messages.
        type: the Struct on the wire, with `name`, and where it has them the fields of `KEPT`.
        id_param: the query parameter that chooses the id of a new one.
        body_key: where the create body wraps the resource, as in `{"model": …, "modelId": …}`.
        output_only: fields that only Hearth sets; what a client sends in them is let pass.
        unused: fields of the contract that nothing here uses; answers name those that are set.
        immutable: fields that stay as they were made; sending them unchanged is fine.
        restorable_s: how long a deleted one can be had back; None: it is gone at once.
    """

    collection: str
    noun: str
    type: type[T]
    id_param: str
    body_key: str = ""
    output_only: frozenset[str] = frozenset()
    unused: frozenset[str] = frozenset()
    immutable: frozenset[str] = frozenset()
    restorable_s: float | None = None

    @property
    def id_prefix(self) -> str:
        """What generated ids begin with."""
        return self.words.replace(" ", "-")

    @property
    def words(self) -> str:
        """The noun as a person writes it: `deployment shape`."""
        return "".join(f" {c.lower()}" if c.isupper() else c for c in self.noun).strip()


@dataclass(frozen=True, kw_only=True)
class Stored(Generic[T]):
    """A resource as it stands, and what only Hearth sees of it."""

    resource: T
    internal: Internal
    revision: int
    "Moves with every change that a client makes; `etag` is made of it."
    create_digest: str
    "Of the body that it was made by."
    created_by: str
    "Who made it, as the audit log names them; empty: Hearth itself."
    create_time: datetime
    delete_time: datetime | None = None
    purge_time: datetime | None = None

    @property
    def name(self) -> str:
        """The full name."""
        return str(getattr(self.resource, "name"))  # noqa: B009  every kind's type has one

    @property
    def id(self) -> str:
        """The last segment of the name."""
        return self.name.rpartition("/")[2]

    @property
    def account_id(self) -> str:
        """Whose it is."""
        return self.name.split("/")[1]


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Who asks, and what was said beside the body."""

    actor: Actor = OPERATOR
    caller: Caller | None = None
    "None: the operator, or Hearth itself, who may do everything."
    permission: Permission = Permission.WRITE
    "What changing the resource takes."
    params: Mapping[str, str] = field(default_factory=dict)
    "The query parameters."
    request_key: str = ""
    "The same in every attempt of one request, where the client sends such a key."
    is_retry: bool = False
    "Whether the client says that it tries again."
    etag: str = ""
    "What the client thinks the resource's etag is; empty: it does not care."

    def check_may_change(self, created_by: str) -> None:
        """Let pass who made a resource, and who may change what others made.

        Raises:
            PermissionDenied: the caller may change only what it made itself.
        """
        if self.caller is not None:
            require_own(self.caller, created_by.rpartition("/")[2], self.permission)

    def flag(self, name: str) -> bool:
        """Whether a query parameter says true."""
        return self.params.get(name, "").lower() in {"true", "1"}


BY_OPERATOR = Asking()


@dataclass(frozen=True, kw_only=True)
class Creation:
    """What is to be made, and where.

    Args:
        parent: `accounts/a`, or the name of the resource that it belongs to.
        id: as the client chose it; empty: one is generated.
        body: as the client sent it.
    """

    parent: str
    id: str = ""
    body: dict[str, Any] = field(default_factory=dict)  # Any: JSON of a client

    @property
    def account_id(self) -> str:
        """Whose it will be."""
        return self.parent.split("/")[1]


@dataclass(frozen=True, kw_only=True)
class Draft(Generic[T]):
    """What is about to be stored."""

    resource: T
    internal: Internal = field(default_factory=dict)


class Rules(Protocol[T]):
    """What a feature has to say of its resources; each is called inside the change's transaction.

    A rule refuses by raising an `ApiError`, may change what is stored, and writes whatever else
    belongs to the change (jobs, version rows) over the same connection.
    """

    async def creating(self, conn: Connection, draft: Draft[T], asking: Asking) -> Draft[T]:
        """Complete and check a new resource, whose name and times are set."""
        ...

    async def updating(
        self, conn: Connection, before: Stored[T], after: Draft[T], asking: Asking
    ) -> Draft[T]:
        """Complete and check a changed resource."""
        ...

    async def deleting(self, conn: Connection, stored: Stored[T], asking: Asking) -> Draft[T]:
        """Refuse a deletion that must not be; what is returned is what a restorable one becomes."""
        ...

    async def undeleting(self, conn: Connection, stored: Stored[T], asking: Asking) -> Draft[T]:
        """What a restored one becomes."""
        ...


class FreeRules(Generic[T]):
    """The rules of resources that have none."""

    async def creating(self, conn: Connection, draft: Draft[T], asking: Asking) -> Draft[T]:
        """See `Rules`."""
        return draft

    async def updating(
        self, conn: Connection, before: Stored[T], after: Draft[T], asking: Asking
    ) -> Draft[T]:
        """See `Rules`."""
        return after

    async def deleting(self, conn: Connection, stored: Stored[T], asking: Asking) -> Draft[T]:
        """See `Rules`."""
        return Draft(resource=stored.resource, internal=stored.internal)

    async def undeleting(self, conn: Connection, stored: Stored[T], asking: Asking) -> Draft[T]:
        """See `Rules`."""
        return Draft(resource=stored.resource, internal=stored.internal)
