"""The segment files of one journal: bytes are appended, flushed to disk, and deleted when done.

Knows nothing of records, except that the owner may have to repeat some at the head of a segment.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from errno import EBADF
from pathlib import Path

from hearth.metering.folder import SUFFIX


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A file with the requests that were settled in it, numbered over the whole journal."""

    path: Path
    before: int
    "The number of the last request settled in the files before it."
    last: int
    num_bytes: int | None = None
    "How much of it is written; None: it will grow no more."


@dataclass(frozen=True, kw_only=True)
class Unflushed:
    """Descriptors of what may not have reached the disk yet."""

    full: list[int] = field(default_factory=list)
    "Files that grow no more, and the folder when it has a new file: flushed once, then closed."
    newest: int

    def flush(self) -> None:
        """Wait until the disk has it all; meant for a thread.

        Raises:
            OSError: the disk could not take it; nobody knows what it has.
        """
        for descriptor in self.full:
            os.fsync(descriptor)
        os.fdatasync(self.newest)


class Segments:
    """Appends to the newest file, and keeps the older ones until they are released."""

    def __init__(self, folder: Path, segment_bytes: int) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._done: list[Segment] = []
        self._number = 0
        self._before = 0
        self._is_closed = False
        self._path, self._descriptor = self._create(0)
        self._size = 0
        self._limit_bytes = segment_bytes
        self._spoiled = False
        self._unflushed = [os.open(folder, os.O_RDONLY | os.O_CLOEXEC)]

    @property
    def is_full(self) -> bool:
        """Whether the next bytes belong into a new file, because of size or a failed write."""
        return self._spoiled or self._size >= self._limit_bytes

    @property
    def oldest(self) -> Segment | None:
        """The oldest file, unless it is the one that still grows."""
        return self._done[0] if self._done else None

    def newest(self, last: int) -> Segment:
        """The file that grows, as it is now: the last request settled in it is number `last`."""
        return Segment(path=self._path, before=self._before, last=last, num_bytes=self._size)

    def append(self, data: bytes | bytearray) -> None:
        """Write to the newest file; either all of it is there afterwards or nothing.

        Raises:
            OSError: the disk is full or broken.
        """
        try:
            _write(self._descriptor, data)
        except OSError:
            self._roll_back()
            raise
        self._size += len(data)

    def rotate(self, head: bytes, last: int) -> None:
        """Start a new file with `head`; the files before it hold requests up to `last`.

        Raises:
            OSError: the disk is full or broken; nothing has changed.
        """
        path, descriptor = self._create(self._number + 1)
        try:
            _write(descriptor, head)
            folder = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            os.close(descriptor)
            # If it stays: the next attempt starts it afresh.
            with suppress(OSError):
                path.unlink()
            raise
        self._done.append(Segment(path=self._path, before=self._before, last=last))
        self._before = last
        self._unflushed += [self._descriptor, folder]
        self._number += 1
        self._path, self._descriptor, self._size = path, descriptor, len(head)
        # Besides the head: a head near the limit would otherwise be repeated at every record.
        self._limit_bytes = len(head) + self._segment_bytes
        self._spoiled = False

    def unflushed(self) -> Unflushed:
        """What has to be flushed for everything written so far to be safe."""
        return Unflushed(full=self._unflushed.copy(), newest=self._descriptor)

    def flushed(self, unflushed: Unflushed) -> None:
        """Take note that a flush succeeded; it may be known only after `close`."""
        for descriptor in set(unflushed.full).intersection(self._unflushed):
            self._unflushed.remove(descriptor)
            os.close(descriptor)

    def spoil(self) -> None:
        """Let the next bytes go to a new file: this one can no longer be trusted."""
        self._spoiled = True

    def release(self, applied: int) -> None:
        """Delete the older files that hold no request after number `applied`."""
        while self._done and self._done[0].last <= applied:
            self._done[0].path.unlink(missing_ok=True)
            del self._done[0]

    def close(self) -> None:
        """Close every file; what is in them stays, and every later write fails."""
        for descriptor in (*self._unflushed, self._descriptor):
            os.close(descriptor)
        self._unflushed, self._descriptor, self._is_closed = [], -1, True

    def _create(self, number: int) -> tuple[Path, int]:
        if self._is_closed:
            raise OSError(EBADF, "it is closed")
        path = self._folder / f"{number:06d}{SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        return path, os.open(path, flags, 0o600)

    def _roll_back(self) -> None:
        """Cut off what a failed write may have left; records behind it would not be read."""
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            self._spoiled = True


def _write(descriptor: int, data: bytes | bytearray) -> None:
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, data[written:])
