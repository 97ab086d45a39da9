"""The backup file: a tar whose last member, the manifest, names every other with its digest.

Cut off anywhere, it has no manifest; changed anywhere, a digest disagrees.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec
from msgspec import Struct

from hearth.errors import SetupError

FORMAT = 1
MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 256 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024


class Member(Struct, frozen=True, kw_only=True):
    """A file of the backup."""

    path: str
    size_bytes: int
    sha256: str


class Manifest(Struct, frozen=True, kw_only=True):
    """What a backup holds, and of what."""

    format: int = FORMAT
    hearth: str
    "The version that made it."
    create_time: str
    dialect: str
    has_models: bool
    left_out: list[str]
    "What belongs to this Hearth and is not in the file, for a person to read."
    folders: list[str]
    members: list[Member]


class Writer:
    """Adds files to a backup."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.folders: list[str] = []
        self.members: list[Member] = []

    def add_file(self, source: Path, path: str) -> None:
        """Add a file as far as it is written now; one that is gone by now is left out."""
        try:
            file = source.open("rb")
        except FileNotFoundError:
            return
        with file:
            info = tarfile.TarInfo(path)
            info.size, info.mode = source.stat().st_size, 0o600
            hashing = _Hashing(file)
            self._tar.addfile(info, hashing)
        self.members.append(Member(path=path, size_bytes=info.size, sha256=hashing.digest))

    def add_folder(self, path: str) -> None:
        """Add a folder, for those that are empty."""
        self.folders.append(path)

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest, which makes the file a backup."""
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        info = tarfile.TarInfo(MANIFEST)
        info.size, info.mode = len(content), 0o600
        self._tar.addfile(info, io.BytesIO(content))


class _Hashing(io.RawIOBase):
    """Reads a file and keeps the digest of what was read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self._hash.update(data)
        return data

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


@contextmanager
def writing(target: Path) -> Iterator[Writer]:
    """A backup that is there, for its owner alone, only once all of it is.

    Raises:
        SetupError: there is such a file already, or it cannot be written.
    """
    if target.exists():
        raise SetupError(f"{target} exists already; name another file.")
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("xb") as file:
            part.chmod(0o600)
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                yield Writer(tar)
            file.flush()
        part.rename(target)
    except FileExistsError as error:
        raise SetupError(f"{part} is there: another backup runs, or remove it.") from error
    except OSError as error:
        part.unlink(missing_ok=True)
        raise SetupError(f"Cannot write {target}: {error.strerror or error}.") from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def unpack(source: Path, folder: Path) -> Manifest:
    """Write every file of a backup below an empty folder, each checked.

    Raises:
        SetupError: it is no backup, cut short, changed, or of a later Hearth.
    """
    try:
        with tarfile.open(source, mode="r:") as tar:
            manifest, seen = _unpack_all(source, tar, folder)
    except (tarfile.TarError, EOFError) as error:
        raise _no_backup(source, str(error)) from error
    except OSError as error:
        raise SetupError(f"Cannot unpack {source}: {error.strerror or error}.") from error
    for member in manifest.members:
        if seen.pop(member.path, None) != member:
            raise _no_backup(source, f"{member.path} was changed or is missing")
    if seen:
        raise _no_backup(source, f"{min(seen)} is not in its manifest")
    for path in manifest.folders:
        _below(folder, path).mkdir(parents=True, exist_ok=True, mode=0o700)
    return manifest


def _unpack_all(
    source: Path, tar: tarfile.TarFile, folder: Path
) -> tuple[Manifest, dict[str, Member]]:
    """The manifest, and what was found before it."""
    seen: dict[str, Member] = {}
    manifest: Manifest | None = None
    for info in tar:
        content = tar.extractfile(info) if info.isreg() else None
        if manifest is not None or content is None:
            raise _no_backup(source, "it holds what no backup does")
        if info.name == MANIFEST:
            manifest = _read_manifest(source, content)
        else:
            seen[info.name] = _unpack_one(info.name, content, folder)
    if manifest is None:
        raise _no_backup(source, "its end is missing")
    return manifest, seen


def _unpack_one(path: str, content: IO[bytes], folder: Path) -> Member:
    target = _below(folder, path)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest, size = sha256(), 0
    with target.open("xb") as file:
        target.chmod(0o600)
        while chunk := content.read(CHUNK_BYTES):
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return Member(path=path, size_bytes=size, sha256=digest.hexdigest())


def _below(folder: Path, path: str) -> Path:
    """The place of a member; a path that leads out of the folder is no backup's."""
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or not parts.parts:
        raise SetupError(f"The backup names {path[:80]!r}, which is outside of it: do not use it.")
    return folder / parts


def _read_manifest(source: Path, content: IO[bytes]) -> Manifest:
    try:
        manifest = msgspec.json.decode(content.read(MAX_MANIFEST_BYTES), type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _no_backup(source, f"its manifest cannot be read: {error}") from error
    if manifest.format > FORMAT:
        raise SetupError(
            f"{source} was made by Hearth {manifest.hearth[:20]}, a later one: upgrade first."
        )
    return manifest


def _no_backup(source: Path, reason: str) -> SetupError:
    return SetupError(f"{source} cannot be restored: {reason}. Nothing was changed.")
