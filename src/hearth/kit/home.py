"""The home folder: made for its owner alone, and one controller at a time in it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from hearth.errors import SetupError


def make_home(home: Path) -> Path:
    """Make the folder if it is missing.

    Raises:
        SetupError: it cannot be made.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(home, error) from error
    return home


def take_home(home: Path) -> int:
    """Make the folder and lock it, as long as the file descriptor that is returned is open.

    Raises:
        SetupError: another Hearth holds it, or it cannot be written to.
    """
    make_home(home)
    try:
        lock = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritable(home, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise SetupError(
            f"Another Hearth uses {home}; stop it, or choose another home with HEARTH_HOME."
        ) from None
    return lock


def _unwritable(home: Path, error: OSError) -> SetupError:
    return SetupError(
        f"Cannot write to {home} ({error.strerror}); "
        "make it writable or choose another with HEARTH_HOME."
    )
