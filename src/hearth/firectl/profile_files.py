"""The files of `~/.fireworks`: `key = value` lines without a section, as other clients read them.

A profile of another name has the same two files in `~/.fireworks/profiles/NAME`.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hearth.firectl.failures import Failure, UsageFailure

AUTH, SETTINGS = "auth.ini", "settings.ini"


def folder_of(profile: str) -> Path:
    """Where a profile keeps its files; the empty name is the usual one.

    Raises:
        UsageFailure: no folder may be called so.
    """
    top = Path.home() / ".fireworks"
    if not profile:
        return top
    if profile.startswith(".") or not all(each.isalnum() or each in "-_." for each in profile):
        raise UsageFailure(f"--profile: {profile!r} is no name; use letters, digits, - and _.")
    return top / "profiles" / profile


def read(path: Path) -> dict[str, str]:
    """The values of a file; one that is not there has none.

    Raises:
        Failure: it cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"Cannot read {path}: {error}. Make it readable, or remove it.") from error
    pairs = (line.partition("=") for line in lines if not line.lstrip().startswith(("#", ";")))
    return {key.strip(): value.strip() for key, mark, value in pairs if mark}


def write(path: Path, changes: dict[str, str]) -> None:
    """Set values in a file that only its owner can read; every other line stays as it is.

    An empty value removes its line. The file changes in one step.

    Raises:
        Failure: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        old = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept = [line for line in old if line.partition("=")[0].strip() not in changes]
        new = [f"{key} = {value}" for key, value in changes.items() if value]
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in (*new, *kept)))
        Path(temporary).replace(path)
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"Cannot write {path}: {error}. Make the folder writable.") from error
