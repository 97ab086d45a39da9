"""Objects by signed URL: in a folder of this server, or in a bucket that signs for itself."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hearth.errors import NotFound
from hearth.kit.clock import Clock, utc_now
from hearth.objects.folder import STALE_S, ObjectFolder
from hearth.objects.signing import Link, Signer

if TYPE_CHECKING:
    from hearth.kit.objects import ObjectStore

EXPIRES_S = 24 * 3600.0  # a slow line may take most of a day for a large model


@dataclass(frozen=True, kw_only=True)
class Mounted:
    """A file that can be got by link though it is no object."""

    path: Path
    etag: str


Mounts = Mapping[str, Callable[[str], Mounted | None]]
"By the first part of a key: the file that the rest of the key names."


class Objects:
    """What clients put and get.

    Args:
        open_store: opens where objects are, when first needed: its library is large.
        signer: signs links to this server.
        mounts: other files that can be got by link.
        public_url: how clients reach this server; empty: as the request that asks for a link did.
        clock: tells the present moment.
    """

    def __init__(
        self,
        open_store: Callable[[], ObjectStore],
        signer: Signer,
        *,
        mounts: Mounts | None = None,
        public_url: str = "",
        clock: Clock = utc_now,
    ) -> None:
        self._open_store = open_store
        self.signer = signer
        self._mounts = mounts or {}
        self._public_url = public_url.rstrip("/")
        self._clock = clock

    @cached_property
    def store(self) -> ObjectStore:
        """Where objects are."""
        return self._open_store()

    @cached_property
    def folder(self) -> ObjectFolder | None:
        """The same, where that is a folder of this machine."""
        return None if self.store.folder is None else ObjectFolder(self.store.folder)

    async def put_url(self, key: str, size_bytes: int, base_url: str) -> str:
        """Where a client puts an object of this size.

        Args:
            key: a relative path.
            size_bytes: exactly.
            base_url: how the client reached this server.

        Raises:
            InvalidRequest: no object can have such a key.
        """
        if self.folder is None:
            return await self.store.signed_url("PUT", key, EXPIRES_S)
        self.folder.path(key)
        end = self._clock() + timedelta(seconds=EXPIRES_S)
        link = Link(method="PUT", key=key, expire_time=end, size_bytes=size_bytes)
        return self.signer.url(link, self._public_url or base_url)

    async def get_url(self, key: str, base_url: str) -> str:
        """Where a client gets an object, or a file of a mount."""
        if self.folder is None and key.partition("/")[0] not in self._mounts:
            return await self.store.signed_url("GET", key, EXPIRES_S)
        end = self._clock() + timedelta(seconds=EXPIRES_S)
        link = Link(method="GET", key=key, expire_time=end)
        return self.signer.url(link, self._public_url or base_url)

    def check_space(self, num_bytes: int) -> None:
        """Raise `PayloadTooLarge` where so many more bytes do not fit; a bucket takes any."""
        if self.folder is not None:
            self.folder.check_space(num_bytes)

    def unsigned_uri(self, key: str) -> str:
        """Where an object is, for people; nobody gets it by this alone."""
        return f"{self.store.url.rstrip('/')}/{key}"

    async def sizes(self, keys: Iterable[str]) -> dict[str, int]:
        """How large objects are; those that are not there are left out."""
        found = {key: await self.store.size_bytes(key) for key in keys}
        return {key: size for key, size in found.items() if size is not None}

    def file(self, key: str) -> Mounted:
        """The file that a link to this server names.

        Raises:
            NotFound: there is none.
        """
        mount, _, rest = key.partition("/")
        found: Mounted | None = None
        if mount in self._mounts:
            found = self._mounts[mount](rest)
        elif self.folder is not None and (path := self.folder.path(key)).is_file():
            seen = path.stat()
            found = Mounted(path=path, etag=f"{seen.st_size:x}-{seen.st_mtime_ns:x}")
        if found is None:
            raise NotFound(f"There is no object {key[:200]!r}; it was deleted, or never put.")
        return found

    @asynccontextmanager
    async def local_files(
        self, keys: Mapping[str, str], scratch: Path
    ) -> AsyncIterator[Mapping[str, Path]]:
        """Objects as files, by the names given for them, for the length of a block.

        Args:
            keys: by name.
            scratch: where to put copies of what is in a bucket.
        """
        if self.folder is not None:
            yield {name: self.folder.path(key) for name, key in keys.items()}
            return
        with _temporary(scratch) as folder:
            paths = {name: folder / str(i) for i, name in enumerate(keys)}
            for name, key in keys.items():
                with paths[name].open("wb") as file:
                    async for chunk in self.store.stream(key):
                        await asyncio.to_thread(file.write, chunk)
            yield paths

    async def delete(self, prefix: str) -> None:
        """Remove all objects in the folder `prefix`."""
        if self.folder is not None:
            await asyncio.to_thread(self.folder.delete, prefix)
            return
        for entry in [entry async for entry in self.store.entries(prefix)]:
            await self.store.delete(entry.key)


@contextmanager
def _temporary(parent: Path) -> Iterator[Path]:
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.iterdir():  # by a process that was killed
        if time.time() - left.stat().st_mtime > STALE_S:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        yield Path(folder)
