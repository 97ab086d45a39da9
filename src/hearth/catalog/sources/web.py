"""Weights at a URL, resumed where a cut connection or a killed process left them.

A download grows in `<file>.part`; beside it `<file>.part.version` keeps the server's word for the
version it holds (its validator), so bytes of two versions are never joined.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import httpx

from hearth.catalog.sources import transport
from hearth.catalog.sources.address import WebAddress, safe_path
from hearth.catalog.sources.transport import CutShort
from hearth.catalog.sources.types import FetchedFile, FetchJob, Network, Step, require_space

CHUNK_BYTES = 64 << 10

Report = Callable[[int, int | None], None]
"Takes the bytes of this file so far, and of the whole file if known."


@dataclass(frozen=True, kw_only=True)
class Downloaded:
    """A finished download; `sha256` is the sum the server announced for it, if it did."""

    size_bytes: int
    sha256: str | None


def fetch_web(address: WebAddress, job: FetchJob) -> list[FetchedFile]:
    """Download one file; see `Fetcher`."""
    name = safe_path(PurePosixPath(unquote(urlsplit(address.url).path)).name)

    def report(done: int, total: int | None) -> None:
        job.progress(Step(stage="downloading", file=name, done_bytes=done, total_bytes=total))

    with transport.open_client(job.network) as client:
        done = Downloader(client, job.network).run(address.url, job.folder / name, report)
    return [FetchedFile(path=name, size_bytes=done.size_bytes, sha256=done.sha256)]


class Downloader:
    """Downloads files to their places over one client."""

    def __init__(self, client: httpx.Client, network: Network) -> None:
        self._client = client
        self._network = network

    def run(self, url: str, target: Path, report: Report) -> Downloaded:
        """Download `url` to `target`, resuming and retrying.

        Raises:
            SetupError: it is not there, may not be read, does not fit, or every try failed.
        """
        part = target.with_name(target.name + ".part")
        target.parent.mkdir(parents=True, exist_ok=True)
        downloaded = transport.retry(
            url, self._network, lambda: self._attempt(url, part, report), lambda: _size(part)
        )
        part.rename(target)
        _version_path(part).unlink(missing_ok=True)
        return downloaded

    def _attempt(self, url: str, part: Path, report: Report) -> Downloaded:
        have, headers = _resume_headers(part)
        with self._client.stream("GET", url, headers=headers) as response:
            sha256 = transport.announced_sha256(response)
            if response.status_code == 416 and have:
                _check_whole(part, have, response)
                report(have, have)
                return Downloaded(size_bytes=have, sha256=sha256)
            transport.check_status(url, response)
            have = _check_start(part, have, response)
            size = self._receive(url, part, have, response, report)
        return Downloaded(size_bytes=size, sha256=sha256)

    def _receive(
        self, url: str, part: Path, have: int, response: httpx.Response, report: Report
    ) -> int:
        total = transport.total_bytes(response, have)
        require_space(part.parent, (total or have) - have)
        if not have:  # before the version is written, which must never vouch for older bytes
            part.unlink(missing_ok=True)
        _version_path(part).write_text(transport.validator(response))
        size = _append(part, have, total, response, report)
        if total is not None and size != total:
            raise CutShort(f"the connection ended at byte {size} of {total}")
        return size


def _append(
    part: Path, have: int, total: int | None, response: httpx.Response, report: Report
) -> int:
    with part.open("ab") as file:
        report(have, total)
        try:
            for chunk in response.iter_bytes(CHUNK_BYTES):
                file.write(chunk)
                have += len(chunk)
                report(have, total)
        finally:
            file.flush()
            os.fsync(file.fileno())
    return have


def _resume_headers(part: Path) -> tuple[int, dict[str, str]]:
    have = _size(part)
    version = _version_path(part).read_text() if _version_path(part).exists() else ""
    if not have or not version:
        part.unlink(missing_ok=True)
        return 0, {}
    return have, {"Range": f"bytes={have}-", "If-Range": version}


def _check_whole(part: Path, have: int, response: httpx.Response) -> None:
    """A 416 for what follows our bytes means that we have all, unless the file shrank."""
    if transport.range_total(response) != have:
        part.unlink(missing_ok=True)
        raise CutShort("the file changed while it was fetched")


def _check_start(part: Path, have: int, response: httpx.Response) -> int:
    """How many of our bytes the answer builds on: none when it brings the file anew."""
    if response.status_code != 206:
        return 0
    if transport.range_start(response) != have:
        part.unlink(missing_ok=True)
        raise CutShort("the server sent another range than was asked for")
    return have


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _version_path(part: Path) -> Path:
    return part.with_name(part.name + ".version")
