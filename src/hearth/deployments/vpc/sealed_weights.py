"""Weights that lie encrypted in the model store.

A sealed folder has the same files under the same names, each sealed as a stream, a manifest with
their sealed sizes, and `sealed.json`. Nothing but `open_folder` can read it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from hearth.catalog import SEAL
from hearth.errors import SetupError
from hearth.kit.sealing import Sealer

_MANIFEST = "manifest.json"
_CHUNK_BYTES = 1 << 20


class Seal(Struct, frozen=True, kw_only=True):
    """`sealed.json`."""

    model: str
    "The full name of the model, to which each file is bound with its path."
    files: dict[str, int]
    "Every sealed file, by its path in the folder, and how large it was."


def read_seal(folder: Path) -> Seal | None:
    """What a folder of the store says of its seal; None: it is not sealed."""
    try:
        return msgspec.json.decode((folder / SEAL).read_bytes(), type=Seal)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise SetupError(f"{folder / SEAL} cannot be read: {error}.") from error


def seal_model(root: Path, model: str, sealer: Sealer) -> None:
    """Seal a model's weights where they are, in one step; blocks. Sealed ones are left alone.

    Other forms of them, which can be made again, are removed.

    Args:
        root: of the model store.
        model: its full name; its weights are here.
        sealer: with this Hearth's keys.

    Raises:
        SetupError: the disk stops it; the weights are as they were.
    """
    _, account, _, model_id = model.split("/")
    folder = root / account / model_id
    if read_seal(folder) is not None:
        return
    try:
        with _locked(root / ".locks" / account / model_id):
            _swap_in(root, folder, model, sealer)
            shutil.rmtree(root / ".variants" / account / model_id, ignore_errors=True)
    except OSError as error:
        raise SetupError(f"The weights of {model} cannot be sealed: {error}.") from error


def recover(root: Path) -> None:
    """Finish what a crash left half done when a sealed folder took the place of a plain one."""
    for new in (root / ".sealing").glob("*/*/new"):
        folder = root / new.parent.parent.name / new.parent.name
        if not folder.exists() and (new / SEAL).exists():
            new.rename(folder)
    shutil.rmtree(root / ".sealing", ignore_errors=True)


def open_folder(folder: Path, seal: Seal, target: Path, sealer: Sealer) -> None:
    """Write the files of a sealed folder, opened, below another; blocks.

    Raises:
        SetupError: one was changed, or its key is not here.
        OSError: there is no room.
    """
    for path in seal.files:
        opened = target / path
        opened.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        opener = sealer.opening(name=f"{seal.model}/{path}")
        with (folder / path).open("rb") as sealed, _private(opened) as plain:
            while chunk := sealed.read(_CHUNK_BYTES):
                plain.write(opener.open(chunk))
            plain.write(opener.finish())


def _swap_in(root: Path, folder: Path, model: str, sealer: Sealer) -> None:
    if read_seal(folder) is not None:  # another process was faster
        return
    scratch = root / ".sealing" / folder.parent.name / folder.name
    shutil.rmtree(scratch, ignore_errors=True)
    new, old = scratch / "new", scratch / "old"
    new.mkdir(mode=0o700, parents=True)
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    names.remove(_MANIFEST)
    sealed = {name: _seal_file(folder, new, name, (model, sealer)) for name in names}
    plain = {name: (folder / name).stat().st_size for name in sealed}
    (new / SEAL).write_bytes(msgspec.json.encode(Seal(model=model, files=plain)))
    manifest = json.loads((folder / _MANIFEST).read_bytes())
    for entry in manifest["files"]:
        if entry["path"] == manifest["entry"]:
            manifest["unsealed_sha256"] = entry["sha256"]
        entry["size_bytes"], entry["sha256"] = sealed[entry["path"]]
    (new / _MANIFEST).write_text(json.dumps(manifest))
    os.sync()
    folder.rename(old)
    new.rename(folder)
    shutil.rmtree(scratch)


def _seal_file(folder: Path, target: Path, path: str, how: tuple[str, Sealer]) -> tuple[int, str]:
    """Seal one file; the size and sum of what was written."""
    model, sealer = how
    stream = sealer.sealing(name=f"{model}/{path}")
    written, digest = 0, hashlib.sha256()
    (target / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / path).open("rb") as plain, (target / path).open("wb") as sealed:
        while True:
            chunk = plain.read(_CHUNK_BYTES)
            out = stream.seal(chunk) if chunk else stream.finish()
            written += sealed.write(out)
            digest.update(out)
            if not chunk:
                break
        sealed.flush()
        os.fsync(sealed.fileno())
    return written, digest.hexdigest()


@contextmanager
def _private(path: Path) -> Iterator[IO[bytes]]:
    """A new file that its owner alone may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        yield file


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock that pulls of this model hold."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield
