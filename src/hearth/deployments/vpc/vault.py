"""Sealed weights, opened in memory alone for as long as a worker needs them."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from hearth.catalog import SEAL
from hearth.deployments.vpc.sealed_weights import (
    Seal,
    open_folder,
    read_seal,
    recover,
    seal_model,
)
from hearth.engines.protocol import Adapter, WorkerSpec
from hearth.errors import SetupError
from hearth.kit.sealing import Sealer

MEMORY = Path("/dev/shm")  # noqa: S108  a file system in memory, not a place to guess names in
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})


class Vault:
    """Seals and opens weights for workers; one per controller.

    Args:
        root: of the model store.
        sealer: with this Hearth's keys.
        memory: a file system that is in memory; what is opened lies there, for its owner alone.
    """

    def __init__(self, root: Path, sealer: Sealer, memory: Path = MEMORY) -> None:
        self._root = root.resolve()
        self._sealer = sealer
        home = hashlib.sha256(str(self._root).encode()).hexdigest()[:12]
        self._home = memory / f"hearth-{os.getuid()}-{home}"
        self._own = self._home / str(os.getpid())
        self._memory = memory
        recover(self._root)
        self._sweep()

    def concerns(self, spec: WorkerSpec) -> bool:
        """Whether a worker's weights are to be sealed, or are."""
        folders = [self._folder(path) for path in _paths(spec)]
        return bool(spec.sealed_for) or any(
            folder is not None and (folder / SEAL).exists() for folder in folders
        )

    def open(self, spec: WorkerSpec) -> WorkerSpec:
        """The same worker with paths to opened weights, sealed on disk first where they must be;
        blocks.

        Raises:
            SetupError: the disk, the memory or the seal stops it.
        """
        if spec.sealed_for:
            self._seal(spec)
        target = self._own / spec.replica_id
        try:
            adapters = [self._opened_adapter(each, target) for each in spec.adapters]
            path = None if spec.path is None else self._opened(spec.path, target / "model")
        except (OSError, SetupError) as error:
            self.close(spec.replica_id)
            if isinstance(error, SetupError):
                raise
            raise SetupError(
                f"The sealed weights of {spec.model} cannot be opened in {self._memory} ({error}); "
                "they may lie nowhere but in memory. Give it more room, or use a smaller model."
            ) from error
        return replace(spec, path=path, adapters=adapters, sealed_for="")

    def open_adapter(self, spec: WorkerSpec) -> Adapter:
        """The one adapter of a spec, opened beside what its worker has already; blocks.

        Raises:
            SetupError: see `open`.
        """
        (adapter,) = spec.adapters
        if spec.sealed_for:
            self._seal(spec)
        try:
            return self._opened_adapter(adapter, self._own / spec.replica_id)
        except (OSError, SetupError) as error:
            self.close_adapter(spec.replica_id, adapter.digest)
            if isinstance(error, SetupError):
                raise
            raise SetupError(
                f"The sealed adapter {adapter.name} cannot be opened in {self._memory} ({error})."
            ) from error

    def _seal(self, spec: WorkerSpec) -> None:
        """Seal what of a worker's weights is the account's own; what is public stays open."""
        for path in _paths(spec):
            folder = self._folder(path)
            if folder is None:
                raise SetupError(
                    f"{path} is no model of the store, so it cannot be sealed; serve {spec.model} "
                    "in the form that it came in."
                )
            if folder.parent.name == spec.sealed_for:
                model = f"accounts/{spec.sealed_for}/models/{folder.name}"
                seal_model(self._root, model, self._sealer)

    def close(self, replica_id: str) -> None:
        """Forget what was opened for a worker that has ended."""
        shutil.rmtree(self._own / replica_id, ignore_errors=True)

    def close_adapter(self, replica_id: str, digest: str) -> None:
        """Forget an adapter that a worker has let go of."""
        shutil.rmtree(self._own / replica_id / digest, ignore_errors=True)

    def close_all(self) -> None:
        """Forget everything."""
        shutil.rmtree(self._own, ignore_errors=True)
        with suppress(OSError):  # another process of this home has something open
            self._home.rmdir()

    def _opened_adapter(self, adapter: Adapter, target: Path) -> Adapter:
        return replace(adapter, path=self._opened(adapter.path, target / adapter.digest))

    def _opened(self, path: str, opened: Path) -> str:
        """The path below `opened`, where the folder of the store that it lies in is open then."""
        folder = self._folder(path)
        seal = None if folder is None else read_seal(folder)
        if folder is None or seal is None:
            return path
        if not opened.exists():
            self._check_room(seal)
            for part in (self._home, self._own, opened.parent, opened):
                _make_private(part)
            open_folder(folder, seal, opened, self._sealer)
        return str(opened / Path(path).resolve().relative_to(folder))

    def _folder(self, path: str) -> Path | None:
        """The folder of the model store that a path lies in."""
        try:
            parts = Path(path).resolve().relative_to(self._root).parts
        except ValueError:
            return None
        is_model = len(parts) > 2 and not parts[0].startswith(".")
        return self._root / parts[0] / parts[1] if is_model else None

    def _check_room(self, seal: Seal) -> None:
        kind = _kind_of(self._memory)
        if kind not in _IN_MEMORY:
            raise SetupError(
                f"{self._memory} is {kind or 'no file system'}, not one in memory, so the sealed "
                f"weights of {seal.model} cannot be opened there without lying on a disk."
            )
        needed, free = sum(seal.files.values()), shutil.disk_usage(self._memory).free
        if needed > free:
            raise SetupError(
                f"The sealed weights of {seal.model} need {needed / 1e9:.1f} GB in {self._memory}, "
                f"which has {free / 1e9:.1f} GB left."
            )

    def _sweep(self) -> None:
        """Remove what processes left that were killed."""
        for folder in self._home.glob("*"):
            if not Path("/proc", folder.name).exists():
                shutil.rmtree(folder, ignore_errors=True)


def _make_private(folder: Path) -> None:
    """Make a folder that its owner alone may enter.

    Raises:
        SetupError: somebody else was there first, as anyone could be in a shared place.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if not is_ours or stat.S_IMODE(found.st_mode) & 0o077:
        raise SetupError(f"{folder} is open to others, so nothing is unsealed there; remove it.")


def _paths(spec: WorkerSpec) -> list[str]:
    return [path for path in (spec.path, *(each.path for each in spec.adapters)) if path]


def _kind_of(folder: Path) -> str:
    """The kind of file system that a folder is on; empty: nobody can tell."""
    try:
        mounts = Path("/proc/self/mounts").read_text("utf-8")
        real = folder.resolve(strict=True)
    except OSError:
        return ""
    found = [line.split()[1:3] for line in mounts.splitlines()]
    holding = [(place, kind) for place, kind in found if real.is_relative_to(place)]
    return max(holding, key=lambda each: len(each[0]), default=("", ""))[1]
