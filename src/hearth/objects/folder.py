"""Objects that arrive in a local folder: each is there whole or not at all.

What is on its way lies in `.parts`, one file for each PUT, and one per key for uploads that may be
taken up again.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO

from hearth.errors import Conflict, InvalidRequest, PayloadTooLarge
from hearth.kit.ids import new_uuid

WRITE_BYTES = 4 << 20
SPARE_BYTES = 256 << 20
"Left free on the disk, for the state and the journal live there too."
STALE_S = 24 * 3600.0
"A part that nobody has written to for so long is given up."

_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18})", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class ByteRange:
    """`Content-Range` of RFC 9110: which bytes of how many a PUT brings; none: it only asks."""

    first: int | None
    last: int
    total: int


def read_range(text: str) -> ByteRange:
    """Read `bytes 0-99/300`, or `bytes */300`; raises `InvalidRequest`."""
    match = _RANGE.fullmatch(text)
    if match is None:
        raise InvalidRequest(
            f"content-range: write `bytes FIRST-LAST/TOTAL`, not {text[:80]!r}.",
            param="content-range",
        )
    first, last, total = match.groups()
    if first is None:
        return ByteRange(first=None, last=-1, total=int(total))
    found = ByteRange(first=int(first), last=int(last), total=int(total))
    if not int(first) <= found.last < found.total:
        raise InvalidRequest(f"content-range: {text!r} names no bytes.", param="content-range")
    return found


class ObjectFolder:
    """The objects below `root`, at their keys."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._parts = root / ".parts"

    def path(self, key: str) -> Path:
        """Where an object is, or would be.

        Raises:
            InvalidRequest: no object can have such a key.
        """
        parts = key.split("/")
        unsafe = {"", ".", ".."} & set(parts) or not key.isprintable() or "\\" in key
        if unsafe or parts[0] == self._parts.name or any(len(part) > 255 for part in parts):
            raise InvalidRequest(f"{key[:200]!r} cannot be the key of an object.")
        return self.root / key

    def size_bytes(self, key: str) -> int | None:
        """How large an object is; None: there is none."""
        path = self.path(key)
        return path.stat().st_size if path.is_file() else None

    def check_space(self, num_bytes: int) -> None:
        """Raise `PayloadTooLarge` where the disk does not hold so many more bytes."""
        free = shutil.disk_usage(self.root).free
        if num_bytes + SPARE_BYTES > free:
            raise PayloadTooLarge(
                f"{num_bytes / 1e6:.0f} MB do not fit: the disk of this server has "
                f"{max(0, free - SPARE_BYTES) / 1e6:.0f} MB to spare. Its operator can free some, "
                "or set HEARTH_OBJECTS_URL to a larger place."
            )

    async def put(self, key: str, stream: AsyncIterator[bytes], size_bytes: int | None) -> None:
        """Store a whole object, in place of any other under its key.

        Args:
            key: a relative path.
            stream: the bytes, in order.
            size_bytes: how many they must be; None: any number.

        Raises:
            InvalidRequest: they are more or fewer; nothing is stored.
        """
        final = self.path(key)
        part = self._make_part(new_uuid())
        try:
            with part.open("wb") as file:
                received = await _write(file, stream, limit_bytes=size_bytes)
                check_size(received, size_bytes)
                await asyncio.to_thread(_settle, file)
            _move(part, final)
        finally:
            part.unlink(missing_ok=True)

    async def put_range(self, key: str, stream: AsyncIterator[bytes], span: ByteRange) -> int:
        """Add bytes to an object that comes in pieces; what arrives stays, whatever happens.

        Returns:
            How many of its bytes are here; all of them: it is stored.

        Raises:
            Conflict: another PUT adds to it right now.
        """
        final = self.path(key)
        part = self._make_part(f"{sha256(key.encode()).hexdigest()}.{span.total}")
        if span.first is None and not part.exists():
            return span.total if self.size_bytes(key) == span.total else 0
        with part.open("ab") as file:
            _lock(file, part)
            present = os.fstat(file.fileno()).st_size
            if span.first is not None and span.first <= present:
                skipped = _skip(stream, present - span.first)
                limit = span.last + 1 - present
                present += await _write(file, skipped, limit_bytes=max(0, limit))
            if present == span.total:
                await asyncio.to_thread(_settle, file)
                _move(part, final)
        return present

    def delete(self, prefix: str) -> None:
        """Remove what is below a prefix, which names a folder."""
        shutil.rmtree(self.path(prefix), ignore_errors=True)

    def _make_part(self, name: str) -> Path:
        self._parts.mkdir(parents=True, exist_ok=True)
        self._forget_stale()
        return self._parts / name

    def _forget_stale(self) -> None:
        before = time.time() - STALE_S
        with os.scandir(self._parts) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if entry.stat().st_mtime < before:
                        os.unlink(entry.path)


async def _write(file: IO[bytes], stream: AsyncIterator[bytes], *, limit_bytes: int | None) -> int:
    """Write a stream in large pieces off the event loop; how many bytes came."""
    received, waiting = 0, bytearray()
    try:
        async for chunk in stream:
            received += len(chunk)
            if limit_bytes is not None and received > limit_bytes:
                check_size(received, limit_bytes)
            waiting += chunk
            if len(waiting) >= WRITE_BYTES:
                piece, waiting = waiting, bytearray()
                await asyncio.to_thread(file.write, piece)
    finally:
        file.write(waiting)  # also of a client that hangs up: it may go on from here
        file.flush()
    return received


async def _skip(stream: AsyncIterator[bytes], num_bytes: int) -> AsyncIterator[bytes]:
    """A stream without its first bytes, which are here already."""
    async for chunk in stream:
        if num_bytes >= len(chunk):
            num_bytes -= len(chunk)
            continue
        yield chunk[num_bytes:]
        num_bytes = 0


def check_size(received: int, wanted: int | None) -> None:
    """Raise `InvalidRequest` where other bytes came than the link is for."""
    if wanted is not None and received != wanted:
        word = "more" if received > wanted else "fewer"
        raise InvalidRequest(
            f"{word} bytes came than this link is for: {wanted} were announced, {received} came. "
            "Ask for a link with the true size."
        )


def _lock(file: IO[bytes], part: Path) -> None:
    """Be the only one who adds to a part; raises `Conflict`."""
    with suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Between opening and locking, another may have made an object of the part.
        if os.fstat(file.fileno()).st_ino == part.stat().st_ino:
            return
    raise Conflict(
        "Another request is bringing this object right now; wait for it, or ask with "
        "`content-range: bytes */TOTAL` how far it is."
    )


def _settle(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _move(part: Path, final: Path) -> None:
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        part.replace(final)
    except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        raise InvalidRequest(
            f"{final.name[:200]!r} cannot be stored: a file and a folder would have one name."
        ) from error
