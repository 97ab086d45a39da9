"""A folder for a socket that nobody else may open, removed with the process that made it.

A killed process removes nothing; the next one to make a folder removes what it left.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

_PREFIX = "hearth-llama-"
_YOUNG_S = 60.0  # one may have been made but not locked yet


class PrivateFolder:
    """Mode 0700, in the system's folder for temporary files; locked while it is in use."""

    def __init__(self) -> None:
        _remove_abandoned(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = os.open(self.path, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def close(self) -> None:
        """Remove it."""
        if self._lock >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            if time.time() - folder.stat().st_mtime > _YOUNG_S and _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # another user's, or gone meanwhile
            continue


def _is_abandoned(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
