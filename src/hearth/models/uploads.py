"""How a model's files come: announced, put by signed URL, looked at, taken into the store.

1. `register` announces names and sizes; each file gets a URL. Doing it again replaces the set; what
   is here already under the same name and size need not come again.
2. The client puts the files.
3. `validate` compares, looks into the headers, and swaps the folder into the model store, which is
   the moment the model exists. Killed at any point, it can be called again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec import Struct

from hearth.accounts import Status
from hearth.errors import ApiError, FailedPrecondition, InvalidRequest
from hearth.jobs import Job, defer
from hearth.kit.db import Connection, Database
from hearth.models.entry import Entry, place
from hearth.models.files import Sizes, check_arrived, read_sizes
from hearth.models.rules import upload_prefix
from hearth.models.service import Models
from hearth.models.types import Model, ModelState
from hearth.resources import Asking, Draft, Stored

INLINE_BYTES = 1 << 30
"What is larger is validated by a job, for reading it takes longer than a client waits."
VALIDATE = "models.validate"
FILES = "files"
SOURCE = "upload"


class UploadUrls(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where each file of a model goes."""

    filename_to_signed_urls: dict[str, str]
    filename_to_unsigned_uris: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class _Upload:
    """What a document knows of its upload."""

    prefix: str
    files: Sizes = field(default_factory=dict)

    @classmethod
    def of(cls, stored: Stored[Model]) -> _Upload:
        return cls(prefix=upload_prefix(stored), files=stored.internal.get(FILES, {}))

    def keys(self) -> Mapping[str, str]:
        """Keys of objects by file name."""
        return {name: f"{self.prefix}/{name}" for name in self.files}


class Uploads:
    """Uploads of models.

    Args:
        db: where models are described.
        models: the models.
    """

    def __init__(self, db: Database, models: Models) -> None:
        self._db = db
        self._models = models
        self._objects = models.around.objects
        self._entry = Entry(db, models)

    async def register(self, name: str, files: object, base_url: str, asking: Asking) -> UploadUrls:
        """Announce the files of a model that waits for them.

        Raises:
            NotFound: there is no such model.
            FailedPrecondition: it is READY, so its files stay as they are.
            InvalidRequest, PayloadTooLarge: a name or size cannot be.
        """
        sizes = read_sizes(files)
        async with self._db.write() as conn:
            stored = await self._locked(conn, name, asking)
            internal = {**stored.internal, FILES: sizes}
            draft = Draft(resource=stored.resource, internal=internal)
            await self._models.documents.save(conn, stored, draft)
            payload = {"filenameToSize": sizes}
            await self._models.documents.audit(conn, "UploadTo", name, payload, asking)
            upload = _Upload.of(await self._models.documents.read(conn, name))
        keys = upload.keys()
        here = await self._objects.sizes(keys.values())
        missing = (size for file, size in sizes.items() if here.get(keys[file]) != size)
        self._objects.check_space(sum(missing))
        return UploadUrls(
            filename_to_signed_urls={
                file: await self._objects.put_url(key, sizes[file], base_url)
                for file, key in keys.items()
            },
            filename_to_unsigned_uris={
                file: self._objects.unsigned_uri(key) for file, key in keys.items()
            },
        )

    async def validate(self, name: str, asking: Asking) -> list[str]:
        """Make a model of what was uploaded, or say what is missing; return warnings.

        A large one is taken over by a job: it is UPLOADING until that has ended.

        Raises:
            InvalidRequest: a file is missing, of another size, or not usable.
        """
        async with self._db.read() as conn:
            stored = await self._models.documents.read(conn, name)
        asking.check_may_change(stored.created_by)
        if stored.resource.state is ModelState.READY:
            return []
        upload = _Upload.of(stored)
        await self._check_arrived(name, upload)
        total = sum(upload.files.values())
        if total <= INLINE_BYTES:
            warnings = await self.finish(name)
            async with self._db.write() as conn:
                payload = {"warnings": warnings}
                await self._models.documents.audit(conn, "Validate", name, payload, asking)
            return warnings
        message = f"{total / 1e9:.1f} GB are being validated."
        async with self._db.write() as conn:
            locked = await self._locked(conn, name, asking)
            model = msgspec.structs.replace(locked.resource, status=Status(message=message))
            draft = Draft(resource=model, internal=locked.internal)
            await self._models.documents.save(conn, locked, draft)
            await defer(conn, _job(name))
        self._models.around.wake()
        return [f"{message} The model is READY once that has ended; get it to see."]

    async def finish(self, name: str) -> list[str]:
        """Take complete files into the store; safe to do again after a crash at any point.

        Raises:
            InvalidRequest: they are not usable; the model's status says why.
        """
        async with self._db.read() as conn:
            stored = await self._models.documents.read(conn, name)
        if stored.resource.state is ModelState.READY:
            return []
        try:
            return await self._take(name, stored)
        except ApiError:
            async with self._db.read() as conn:
                now = await self._models.documents.read(conn, name)
            if now.resource.state is ModelState.READY:  # another request was faster
                return []
            raise

    async def _take(self, name: str, stored: Stored[Model]) -> list[str]:
        upload = _Upload.of(stored)
        await self._check_arrived(name, upload)
        scratch = self._models.around.store.root / ".partial" / ".objects"
        async with self._objects.local_files(upload.keys(), scratch) as paths:

            def fill(folder: Path) -> None:
                for file, path in paths.items():
                    place(path, folder / file)

            warnings = await self._entry.take(stored.resource, fill, SOURCE)
        await self._objects.delete(upload.prefix)
        return warnings

    async def _locked(self, conn: Connection, name: str, asking: Asking) -> Stored[Model]:
        """A model that waits for files, and that the caller may change."""
        stored = await self._models.documents.read(conn, name, is_locked=True)
        asking.check_may_change(stored.created_by)
        if stored.resource.state is ModelState.READY:
            raise FailedPrecondition(
                f"{name} is READY, and its files stay as they are; make another model for others."
            )
        return stored

    async def _check_arrived(self, name: str, upload: _Upload) -> None:
        if not upload.files:
            raise InvalidRequest(
                f"No file of {name} was announced; ask :getUploadEndpoint for URLs first."
            )
        keys = upload.keys()
        sizes = await self._objects.sizes(keys.values())
        here = {file: sizes[key] for file, key in keys.items() if key in sizes}
        try:
            check_arrived(upload.files, here)
        except InvalidRequest as error:
            await self._entry.note(name, error)
            raise


def _job(name: str) -> Job:
    return Job(
        kind=VALIDATE, account_id=name.split("/")[1], arguments={"name": name}, resource=name
    )
