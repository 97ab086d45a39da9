"""The folder of one gateway process's journal, and the lock that says the process lives.

`<home>/journal/<instance>/` holds `lock` and the segments `NNNNNN.log`. The kernel drops the lock
when its process ends, however it ends; so whoever can take it may replay the folder and remove it.
The home must be on a local disk: over a network, locks of a living process can vanish.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

SUFFIX = ".log"


def journals(home: Path) -> Path:
    """Where the journals of all gateways of this home are."""
    return home / "journal"


class Folder:
    """A journal's folder while this process holds its lock."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def create(cls, path: Path) -> Folder:
        """Make the folder and take its lock; the name must never have been used before.

        Raises:
            OSError: the folder cannot be made.
        """
        while True:
            with suppress(FileExistsError):  # `exist_ok` fails if it goes away meanwhile
                path.mkdir(mode=0o700, parents=True)
            # Nobody but a replay that looks in can hold it, and that one finds nothing to do.
            folder = cls._lock(path, fcntl.LOCK_EX)
            if folder is not None:
                return folder

    @classmethod
    def adopt(cls, path: Path) -> Folder | None:
        """Take the lock of a folder whose process is dead; None if it lives or it is no folder."""
        return cls._lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @classmethod
    def _lock(cls, path: Path, how: int) -> Folder | None:
        try:
            lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except (FileNotFoundError, NotADirectoryError):
            return None
        # The lock is good only while it has its name: whoever held it before may have removed the
        # folder, and the lock of a file without a name keeps nobody out.
        try:
            fcntl.flock(lock, how)
            if os.path.samestat(os.fstat(lock), os.stat(path / "lock")):
                return cls(path, lock)
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(lock)
        return None

    def segments(self) -> list[Path]:
        """The segment files, oldest first."""
        return sorted(self.path.glob(f"*{SUFFIX}"), key=number)

    def remove(self) -> None:
        """Delete the folder and all that is in it, then let go of the lock."""
        for path in self.segments():
            path.unlink()
        (self.path / "lock").unlink()
        # Whoever is waiting to look in may have made a new, empty lock; the next replay removes it.
        with suppress(OSError):
            self.path.rmdir()
        self.release()

    def release(self) -> None:
        """Let go of the lock; what is in the folder waits for a replay."""
        os.close(self._descriptor)


def number(segment: Path) -> int:
    """The place of a segment in its journal; a file that is none comes first."""
    return int(segment.stem) if segment.stem.isdigit() else -1
