"""The last steps on which weights enter the store, wherever they come from, and how they leave it.

Everything happens under the model's lock; a rename is the moment at which a folder is there.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from hearth.catalog.convert import convert_gguf
from hearth.catalog.inspect import inspect_folder
from hearth.catalog.sources.types import Progress, Step
from hearth.catalog.spec import Incoming
from hearth.catalog.store import (
    MANIFEST,
    make_folder,
    read_weights,
    variant_folder,
    variant_source,
)
from hearth.catalog.types import Form, Manifest, StoredFile, Weights
from hearth.errors import InvalidRequest, SetupError, Unavailable
from hearth.kit.ids import new_uuid

LOCK_LIMIT_S = 6 * 3600.0
"How long to wait for another process that works on the same model."
LOCK_POLL_S = 0.1  # flock offers no wait with a limit

_CHUNK_BYTES = 4 << 20


class Landing:
    """Changes the store at `root`; each call blocks until it is done."""

    def __init__(self, root: Path, progress: Progress) -> None:
        self._root = root
        self._progress = progress

    def adopt(self, incoming: Incoming) -> Weights:
        """Take weights in, in place of any of the same name.

        Raises:
            InvalidRequest: they are not usable.
            SetupError: the disk stops it.
        """
        with self._working(incoming.name) as (final, scratch):
            incoming.fill(scratch)
            entry, inspection = inspect_folder(scratch)
            incoming.check(scratch, inspection)
            names = [path for path in sorted(scratch.rglob("*")) if path.is_file()]
            total = sum(path.stat().st_size for path in names)
            files: list[StoredFile] = []
            for path in names:
                done = sum(file.size_bytes for file in files)
                relative = path.relative_to(scratch).as_posix()
                files.append(hash_file(scratch, relative, self._verifying(relative, done, total)))
            manifest = Manifest(
                name=incoming.name,
                source=incoming.source,
                entry=entry.relative_to(scratch).as_posix(),
                files=tuple(files),
                inspection=inspection,
                pulled_time=datetime.now(UTC),
                public=incoming.is_public,
            )
            write_manifest(scratch, manifest)
            swap_in(scratch, final)
        return _present(final)

    def prepare(self, weights: Weights, form: Form) -> Weights:
        """Keep another form of weights that are one GGUF, beside them.

        Raises:
            InvalidRequest: they are of another format, or damaged.
            SetupError: the disk stops it.
        """
        final = variant_folder(self._root, weights.name) / form
        with self._working(weights.name) as (_, scratch):
            if weights.format != "gguf":
                raise InvalidRequest(
                    f"The weights of {weights.name} are {weights.format}; only GGUF is prepared."
                )
            target = scratch / f"{weights.name.rpartition('/')[2]}.{form}.gguf"
            convert_gguf(weights.path, target, form, self._progress)
            size = target.stat().st_size
            file = hash_file(scratch, target.name, self._verifying(target.name, 0, size))
            _, inspection = inspect_folder(scratch)
            manifest = Manifest(
                name=weights.name,
                source=variant_source(weights),
                form=form,
                entry=target.name,
                files=(file,),
                inspection=inspection,
                pulled_time=datetime.now(UTC),
            )
            write_manifest(scratch, manifest)
            make_folder(final.parent)
            swap_in(scratch, final)
        return _present(final)

    def remove(self, name: str) -> bool:
        """Let go of weights and their other forms; whether there were any.

        Raises:
            Unavailable: another process works on them right now.
        """
        account, model_id = _parts(name)
        final = self._root / account / model_id
        grave = self._root / ".removed" / new_uuid()
        with locked(self._root, name, waiting=_refuse_to_wait):
            found = [each for each in (final, variant_folder(self._root, name)) if each.exists()]
            for number, folder in enumerate(found):
                folder.rename(make_folder(grave) / str(number))
        shutil.rmtree(grave.parent, ignore_errors=True)  # also what a crash left of others
        return bool(found)

    def set_public(self, name: str, *, is_public: bool) -> None:
        """Say whether every account may call a model; nothing happens where it is not here.

        Raises:
            Unavailable: another process works on it right now.
        """
        account, model_id = _parts(name)
        folder = self._root / account / model_id
        with locked(self._root, name, waiting=_refuse_to_wait):
            weights = read_weights(folder)
            if weights is not None and weights.manifest.public != is_public:
                manifest = msgspec.structs.replace(weights.manifest, public=is_public)
                write_manifest(folder, manifest, is_settled=True)

    def _verifying(self, path: str, before: int, total: int) -> Callable[[int], None]:
        return lambda done: self._progress(
            Step(stage="verifying", file=path, done_bytes=before + done, total_bytes=total)
        )

    @contextmanager
    def _working(self, name: str) -> Iterator[tuple[Path, Path]]:
        """The model's place and an empty folder on the same disk, under its lock."""
        account, model_id = _parts(name)
        parent = self._root / ".partial" / account / model_id
        try:
            with locked(self._root, name, waiting=self._progress):
                shutil.rmtree(parent, ignore_errors=True)
                make_folder(self._root / account)
                try:
                    yield self._root / account / model_id, make_folder(parent / "landing" / "files")
                finally:
                    shutil.rmtree(parent, ignore_errors=True)
        except OSError as error:
            raise SetupError(f"{name} cannot be stored below {self._root}: {error}.") from error


@contextmanager
def locked(root: Path, name: str, *, waiting: Progress) -> Iterator[None]:
    """Hold a model's lock; it falls with the process, however that ends.

    Raises:
        SetupError: another process has held it for hours.
    """
    account, model_id = _parts(name)
    deadline = time.monotonic() + LOCK_LIMIT_S
    with (make_folder(root / ".locks" / account) / model_id).open("w") as file:
        while not _try_lock(file.fileno()):
            waiting(Step(stage="waiting", file=name))
            if time.monotonic() > deadline:
                raise SetupError(f"Another process has been pulling {name} for hours; end it.")
            time.sleep(LOCK_POLL_S)
        yield


def _refuse_to_wait(step: Step) -> None:
    """What takes no time itself is done in transactions, which nobody may hold up."""
    raise Unavailable(
        f"{step.file} is being worked on, such as validated or converted; try again soon.",
        retry_after_s=5,
    )


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def hash_file(folder: Path, path: str, told: Callable[[int], None]) -> StoredFile:
    """Size and sum of a file; `told` hears how many bytes were read."""
    digest, size = hashlib.sha256(), 0
    with (folder / path).open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            told(size)
    return StoredFile(path=path, size_bytes=size, sha256=digest.hexdigest())


def write_manifest(folder: Path, manifest: Manifest, *, is_settled: bool = False) -> None:
    """Write `manifest.json` in one step, and everything in the folder to the disk.

    Args:
        is_settled: whether the other files were written to the disk before.
    """
    raw = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    part = folder / f"{MANIFEST}.part"
    part.write_bytes(raw)
    for path in (part, folder) if is_settled else (*folder.rglob("*"), folder):
        flush(path)
    part.rename(folder / MANIFEST)
    flush(folder)


def swap_in(folder: Path, final: Path) -> None:
    """Put `folder` at `final`; a crash in between leaves the model absent, never half there."""
    if final.exists():
        old = folder.with_name("replaced")
        shutil.rmtree(old, ignore_errors=True)
        final.rename(old)
    folder.rename(final)
    flush(final.parent)


def flush(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parts(name: str) -> tuple[str, str]:
    _, account, _, model_id = name.split("/")
    return account, model_id


def _present(folder: Path) -> Weights:
    weights = read_weights(folder)
    assert weights is not None
    return weights
