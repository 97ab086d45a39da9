"""Objects: bytes under a key, in a local folder or an S3 bucket, by URL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import LocalStore, S3Store

from hearth.errors import Conflict, InvalidRequest, NotFound, SetupError, Unavailable

if TYPE_CHECKING:
    from obstore.store import RetryConfig  # known to type checkers only

CHUNK_BYTES = 1024 * 1024
_RETRY: RetryConfig = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}


@dataclass(frozen=True, kw_only=True)
class ObjectInfo:
    """What a listing says of one object."""

    key: str
    size_bytes: int
    update_time: datetime


class ObjectStore:
    """One store of objects; keys are relative paths such as `datasets/d1/rows.jsonl`.

    Args:
        url: `file:///folder`, made when missing, or `s3://bucket/prefix`; the region, the
            credentials and any other endpoint of S3 come from the usual AWS_* variables.

    Raises:
        SetupError: the URL names no store we know, or the folder cannot be made.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = url
        self.folder: Path | None = None
        "Where the objects are as files, if they are: at their keys."
        self._store: LocalStore | S3Store
        try:
            if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
                self.folder = Path(unquote(parts.path))
                self._store = LocalStore(str(self.folder), mkdir=True)
            elif parts.scheme == "s3" and parts.netloc:
                self._store = S3Store.from_url(url, retry_config=_RETRY)
            else:
                raise SetupError(
                    f"HEARTH_OBJECTS_URL {url!r} names no store: "
                    "use file:///folder or s3://bucket/prefix."
                )
        except (BaseError, OSError) as error:
            raise SetupError(
                f"Cannot use {url!r} for objects: {error}. Correct HEARTH_OBJECTS_URL."
            ) from error

    async def put(
        self, key: str, data: bytes | AsyncIterator[bytes], *, only_if_absent: bool = False
    ) -> None:
        """Store an object whole or not at all, in place of any other under its key.

        Raises:
            Conflict: it must not be there yet, and is.
        """
        with _told(key):
            if only_if_absent:
                await obstore.put_async(self._store, key, data, mode="create", use_multipart=False)
            else:
                await obstore.put_async(self._store, key, data)

    async def get(self, key: str) -> bytes:
        """The whole object.

        Raises:
            NotFound: there is none.
        """
        with _told(key):
            answer = await obstore.get_async(self._store, key)
            return bytes(await answer.bytes_async())

    async def stream(self, key: str, *, chunk_bytes: int = CHUNK_BYTES) -> AsyncIterator[bytes]:
        """The object in pieces of about `chunk_bytes`.

        Raises:
            NotFound: there is none.
        """
        with _told(key):
            answer = await obstore.get_async(self._store, key)
            async for chunk in answer.stream(min_chunk_size=chunk_bytes):
                yield bytes(chunk)

    async def size_bytes(self, key: str) -> int | None:
        """How large an object is; None: there is none."""
        with _told(key):
            try:
                return (await obstore.head_async(self._store, key))["size"]
            except (NotFoundError, FileNotFoundError):
                return None

    async def signed_url(self, method: Literal["GET", "PUT"], key: str, expires_s: float) -> str:
        """A URL by which whoever has it may get or put one object of a bucket for a while."""
        assert isinstance(self._store, S3Store), "a folder has no URLs of its own"
        with _told(key):
            span = timedelta(seconds=expires_s)
            return await obstore.sign_async(self._store, method, key, span)

    async def entries(self, prefix: str = "") -> AsyncIterator[ObjectInfo]:
        """Every object in the folder `prefix` and below, in no order."""
        with _told(prefix or "all"):
            async for batch in obstore.list(self._store, prefix=prefix or None):
                for entry in batch:
                    yield ObjectInfo(
                        key=entry["path"],
                        size_bytes=entry["size"],
                        update_time=entry["last_modified"],
                    )

    async def delete(self, key: str) -> None:
        """Remove an object; one that is not there is as good as removed."""
        with _told(key), suppress(NotFoundError, FileNotFoundError):
            await obstore.delete_async(self._store, key)


@contextmanager
def _told(key: str) -> Iterator[None]:
    """Raise the store's failures as ours; refuse keys that are no plain relative path."""
    if not key.isprintable() or any(part in {"", ".", ".."} for part in key.split("/")):
        raise InvalidRequest(f"{key!r} cannot be the key of an object.")
    try:
        yield
    except (NotFoundError, FileNotFoundError) as error:
        raise NotFound(f"There is no object {key!r}.") from error
    except AlreadyExistsError as error:
        raise Conflict(f"The object {key!r} exists already.") from error
    except (BaseError, OSError) as error:
        raise Unavailable(f"The object store failed on {key!r}.", retry_after_s=1) from error
