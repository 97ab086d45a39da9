"""Weights that are on this machine already: they are copied, so that the store owns its files."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path

from hearth.catalog.sources.address import FileAddress, safe_path
from hearth.catalog.sources.types import FetchedFile, FetchJob, Step, require_space
from hearth.errors import SetupError

WANTED = (
    "*.gguf", "*.safetensors", "*.json", "*.jinja", "*.txt", "*.model", "LICENSE*", "*.md",
)  # fmt: skip
"What a model folder may bring. Pickled weights (*.bin, *.pt) can run code, so they stay out."

_CHUNK_BYTES = 4 << 20


def fetch_local(address: FileAddress, job: FetchJob) -> list[FetchedFile]:
    """Copy a file, or the wanted files of a folder; see `Fetcher`."""
    if not address.path.exists():
        raise SetupError(f"There is no {address.path}; check the path.")
    return copy_tree(address.path, job)


def copy_tree(source: Path, job: FetchJob) -> list[FetchedFile]:
    """Copy one file or the wanted files below a folder.

    Raises:
        SetupError: nothing wanted is there, it cannot be read, or it does not fit on the disk.
    """
    files = _wanted_files(source)
    try:
        total = sum(path.stat().st_size for path in files.values())
        require_space(job.folder, total)
        done = 0
        for name, path in files.items():
            done = _copy(path, job.folder / name, job, done=done, total=total)
    except OSError as error:
        raise SetupError(f"{source} cannot be copied: {error}.") from error
    return [FetchedFile(path=name, size_bytes=path.stat().st_size) for name, path in files.items()]


def _wanted_files(source: Path) -> dict[str, Path]:
    if source.is_file():
        return {safe_path(source.name): source}
    below = sorted(path for path in source.rglob("*") if path.is_file())
    files = {path.relative_to(source).as_posix(): path for path in below}
    wanted = {safe_path(name): path for name, path in files.items() if is_wanted(name)}
    if not any(name.endswith((".gguf", ".safetensors")) for name in wanted):
        raise SetupError(f"{source} holds no GGUF or safetensors file; name one that does.")
    return wanted


def is_wanted(path: str) -> bool:
    """Whether a file of a model folder is fetched."""
    name = path.rpartition("/")[2]
    return any(fnmatchcase(name, pattern) for pattern in WANTED)


def _copy(source: Path, target: Path, job: FetchJob, *, done: int, total: int) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            done += len(chunk)
            job.progress(
                Step(stage="downloading", file=source.name, done_bytes=done, total_bytes=total)
            )
        writer.flush()
        os.fsync(writer.fileno())
    return done
