"""Models whose files are somewhere else already: a bucket, a hub, a URL. A job fetches them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from hearth.accounts import Status
from hearth.errors import FailedPrecondition, InvalidRequest, NotFound, PermissionDenied
from hearth.jobs import Job, JobRecord, JobState, defer, get
from hearth.kit.bodies import decode_body
from hearth.kit.db import Connection, Database
from hearth.models.buckets import AwsS3Source, AzureBlobSource, check_source, fetch_bucket
from hearth.models.entry import Entry
from hearth.models.service import Models
from hearth.models.types import Json, ModelState
from hearth.resources import Asking, Draft

IMPORT = "models.import"

SecretOf = Callable[[Connection, str, str], Awaitable[str]]
"The value of an account's secret, by the account and its name; raises `NotFound`."


class ImportSource(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where files are; exactly one is set. `source` is ours: what `hearth pull` takes."""

    aws_s3_source: AwsS3Source | None = None
    azure_blob_source: AzureBlobSource | None = None
    source: str = ""

    @property
    def uri(self) -> str:
        """As it may be shown."""
        bucket = self.aws_s3_source or self.azure_blob_source
        return self.source if bucket is None else bucket.uri


class Operation(Struct, frozen=True, kw_only=True):
    """`google.longrunning.Operation`."""

    name: str
    done: bool
    metadata: dict[str, Any]  # Any: JSON
    error: dict[str, Any] | None = None
    response: dict[str, Any] | None = None


class Imports:
    """Imports of models.

    Args:
        db: where models are described.
        models: the models.
        schemes: what sources may begin with, such as `hf` and `https`.
        secret_of: finds credentials; None: there are none.
    """

    def __init__(
        self,
        db: Database,
        models: Models,
        schemes: frozenset[str],
        secret_of: SecretOf | None = None,
    ) -> None:
        self._db = db
        self._models = models
        self._schemes = schemes
        self._secret_of = secret_of
        self._entry = Entry(db, models)

    async def start(self, name: str, body: Json, asking: Asking) -> Operation:
        """Have a job fetch the files of a model that waits for them.

        Raises:
            InvalidRequest: not exactly one source is named, or it is none.
            PermissionDenied: models are not imported from there here.
            FailedPrecondition: the model is READY.
        """
        source = self._read(body)
        async with self._db.write() as conn:
            stored = await self._models.documents.read(conn, name, is_locked=True)
            asking.check_may_change(stored.created_by)
            if stored.resource.state is ModelState.READY:
                raise FailedPrecondition(f"{name} is READY; import into another model.")
            status = Status(message=f"Its files are fetched from {source.uri}.")
            model = msgspec.structs.replace(
                stored.resource, status=status, imported_from=source.uri
            )
            draft = Draft(resource=model, internal=stored.internal)
            await self._models.documents.save(conn, stored, draft)
            await self._models.documents.audit(conn, "Import", name, {"from": source.uri}, asking)
            arguments = {"name": name, "source": msgspec.to_builtins(source)}
            account_id = name.split("/")[1]
            record = await defer(
                conn, Job(kind=IMPORT, account_id=account_id, arguments=arguments, resource=name)
            )
        self._models.around.wake()
        return operation(record)

    async def operation(self, name: str, operation_id: str) -> Operation:
        """How far an import is; raises `NotFound`."""
        async with self._db.read() as conn:
            record = await get(conn, operation_id)
        if record.resource != name:
            raise NotFound(f"There is no operation {operation_id[:80]!r} of {name}.")
        return operation(record)

    async def run(self, name: str, source: Json) -> list[str]:
        """Fetch the files and make the model of them; safe to do again after a crash.

        Raises:
            InvalidRequest: what was fetched is not usable.
            SetupError, Unavailable: it cannot be fetched.
        """
        read = msgspec.convert(source, ImportSource)
        async with self._db.read() as conn:
            stored = await self._models.documents.read(conn, name)
            secret = await self._secret(conn, name, read)
        if stored.resource.state is ModelState.READY:
            return []

        def fill(folder: Path) -> None:
            bucket = read.aws_s3_source or read.azure_blob_source
            if bucket is not None:
                fetch_bucket(bucket, secret, folder)
            else:
                self._models.around.store.fetch(read.source, folder)

        return await self._entry.take(stored.resource, fill, read.uri)

    async def _secret(self, conn: Connection, name: str, source: ImportSource) -> str:
        bucket = source.aws_s3_source or source.azure_blob_source
        if bucket is None or not bucket.credentials_secret:
            return ""
        if self._secret_of is None:
            raise NotFound("This server keeps no secrets; import from a bucket that is public.")
        return await self._secret_of(conn, name.split("/")[1], bucket.credentials_secret)

    def _read(self, body: Json) -> ImportSource:
        source = decode_body(msgspec.json.encode(body), ImportSource)
        named = [source.aws_s3_source, source.azure_blob_source, source.source or None]
        if sum(each is not None for each in named) != 1:
            raise InvalidRequest(
                "Name exactly one of awsS3Source, azureBlobSource and source.", param="source"
            )
        bucket = source.aws_s3_source or source.azure_blob_source
        if bucket is not None:
            check_source(bucket, may_name_hosts="https" in self._schemes)
        elif source.source.partition(":")[0] not in self._schemes:
            raise PermissionDenied(
                f"source: {source.source[:200]!r} is not imported here; sources begin with "
                f"{', '.join(f'{scheme}:' for scheme in sorted(self._schemes))}. The operator can "
                "`hearth pull` others."
            )
        return source


def operation(record: JobRecord) -> Operation:
    """A job as the operation that clients wait for."""
    error = None
    if record.state in (JobState.FAILED, JobState.CANCELLED):
        error = {"code": 9, "message": record.error or "It was cancelled."}
    return Operation(
        name=f"{record.resource}/operations/{record.id}",
        done=record.state.is_final,
        metadata={"percent": record.percent, "message": record.message, "state": record.state},
        error=error,
        response={"warnings": record.result} if record.state is JobState.SUCCEEDED else None,
    )
