"""Moving files to and from signed addresses, with a bar where a person watches."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import IO

from hearth.firectl.failures import Failure
from hearth.firectl.http import get_file, put_file, uploaded_bytes
from hearth.firectl.screen import Screen

_CHUNK_BYTES = 1024 * 1024
_BAR = 24
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DIGEST_HEADERS = ("etag", "x-amz-meta-sha256", "x-goog-meta-sha256")
"Hearth's entity tags are SHA-256 digests; those of other stores have another length."


class _Counted:
    """A file that shows how far it was read."""

    def __init__(self, file: IO[bytes], progress: Progress) -> None:
        self._file = file
        self._progress = progress

    def read(self, size: int = -1) -> bytes:
        """As files do."""
        data = self._file.read(size)
        self._progress.moved(len(data))
        return data


class Progress:
    """How far one file is."""

    def __init__(self, screen: Screen, name: str, total_bytes: int, *, quiet: bool) -> None:
        self._screen = screen
        self._name = name
        self._total_bytes = total_bytes
        self._is_shown = screen.is_live and not quiet
        self._done_bytes = 0
        self._shown_percent = -1

    def moved(self, num_bytes: int) -> None:
        """So many more."""
        self._done_bytes += num_bytes
        percent = 100 * self._done_bytes // self._total_bytes if self._total_bytes else 100
        if self._is_shown and percent != self._shown_percent:
            self._shown_percent = percent
            bar = "#" * (_BAR * percent // 100)
            self._screen.progress(
                f"{self._name} [{bar:<{_BAR}}] {percent}% of {size_text(self._total_bytes)}"
            )


def upload(
    screen: Screen,
    files: dict[str, Path],
    urls: dict[str, str],
    *,
    quiet: bool,
    resumes: bool = False,
) -> None:
    """Send each file to its address; what the store has of it already is not sent again.

    Raises:
        Failure: a file cannot be read, has no address, or its transfer broke off.
    """
    for name, path in files.items():
        if name not in urls:
            raise Failure(f"The server gave no address for {name}; run the command again.")
        try:
            size_bytes = path.stat().st_size
            progress = Progress(screen, name, size_bytes, quiet=quiet)
            _send(path, urls[name], progress, resumes=resumes and size_bytes > 0)
        except OSError as error:
            raise Failure(f"Cannot read {path}: {error.strerror}.") from error
        screen.end_progress()
        if not quiet:
            screen.note(f"Uploaded {name} ({size_text(size_bytes)})")


def _send(path: Path, url: str, progress: Progress, *, resumes: bool) -> None:
    size_bytes = path.stat().st_size
    offset_bytes = uploaded_bytes(url, size_bytes) if resumes else 0
    progress.moved(offset_bytes)
    if resumes and offset_bytes >= size_bytes:
        return
    with path.open("rb") as file:
        file.seek(offset_bytes)
        counted: IO[bytes] = _Counted(file, progress)  # type: ignore[assignment]  # reads only
        put_file(url, counted, size_bytes, offset_bytes=offset_bytes if resumes else -1)


def download(screen: Screen, urls: dict[str, str], folder: Path, *, quiet: bool) -> None:
    """Fetch each file into a folder; what is there whole stays, what is there in part goes on.

    Raises:
        Failure: a file cannot be written, its transfer broke off, or its digest is wrong.
    """
    for name, url in urls.items():
        target = _inside(folder, name)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            is_new = _fetch(screen, url, target, quiet=quiet)
        except OSError as error:
            raise Failure(f"Cannot write {target}: {error.strerror or error}.") from error
        screen.end_progress()
        if not quiet:
            verb = "Downloaded" if is_new else "Have already"
            screen.note(f"{verb} {target} ({size_text(target.stat().st_size)})")


def _inside(folder: Path, name: str) -> Path:
    """Where a file goes; never out of the folder, whatever a server calls it."""
    target = (folder / name).resolve()
    if not target.is_relative_to(folder.resolve()) or target == folder.resolve():
        raise Failure(f"The server names a file {name!r} outside of {folder}; nothing was written.")
    return target


def _fetch(screen: Screen, url: str, target: Path, *, quiet: bool) -> bool:
    part = target.with_name(target.name + ".part")
    have_bytes = part.stat().st_size if part.exists() else 0
    with get_file(url, offset_bytes=have_bytes) as response:
        length_bytes = int(response.headers.get("Content-Length") or 0)
        if target.exists() and not have_bytes and target.stat().st_size == length_bytes:
            return False
        is_rest = response.status == 206
        have_bytes = have_bytes if is_rest else 0
        progress = Progress(screen, target.name, have_bytes + length_bytes, quiet=quiet)
        progress.moved(have_bytes)
        with part.open("ab" if is_rest else "wb") as file:
            while data := response.read(_CHUNK_BYTES):
                file.write(data)
                progress.moved(len(data))
        digests = [response.headers.get(name, "").strip('"') for name in _DIGEST_HEADERS]
    if length_bytes and part.stat().st_size != have_bytes + length_bytes:
        raise Failure(f"{target.name} broke off; run the command again, it goes on from there.")
    _check(part, next(filter(_SHA256.fullmatch, digests), ""))
    part.replace(target)
    return True


def _check(part: Path, digest: str) -> None:
    """See that what arrived is what was sent, where the store says what that is."""
    if not digest:
        return
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != digest:
        part.unlink()
        raise Failure(f"{part.stem} arrived damaged (SHA-256 differs); run the command again.")


def size_text(num_bytes: int) -> str:
    """A size for people: `1.5 GB`."""
    if num_bytes < 1000:
        return f"{num_bytes} B"
    power = min((len(str(num_bytes)) - 1) // 3, 4)
    return f"{num_bytes / 1000**power:.1f} {('B', 'kB', 'MB', 'GB', 'TB')[power]}"
