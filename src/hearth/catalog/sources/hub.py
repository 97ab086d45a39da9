"""Weights from a model hub that speaks the Hugging Face HTTP API.

One call pins the revision to a commit and lists its files with sizes and, for large files, sums;
then each wanted file is downloaded from that commit.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Meta, Struct, field

from hearth.catalog.sources import transport
from hearth.catalog.sources.address import HubAddress, safe_path
from hearth.catalog.sources.local import is_wanted
from hearth.catalog.sources.types import FetchedFile, FetchJob, Step, require_space
from hearth.catalog.sources.web import Downloader
from hearth.errors import SetupError

MAX_LISTING_BYTES = 64 << 20


class _LargeFile(Struct):
    sha256: str = ""


class _HubFile(Struct):
    path: str = field(name="rfilename")
    size: Annotated[int, Meta(ge=0)] = 0
    lfs: _LargeFile | None = None


class _Listing(Struct):
    """The reply of `GET /api/models/{repo}/revision/{revision}?blobs=true`."""

    sha: Annotated[str, Meta(pattern=r"^[0-9a-f]{7,64}\Z")]
    siblings: list[_HubFile]


def fetch_hub(address: HubAddress, job: FetchJob) -> list[FetchedFile]:
    """Download the files of a repository that match; see `Fetcher`."""
    with transport.open_client(job.network, token=job.network.hub_token) as client:
        listing = _list_files(client, job, address)
        files = _choose(listing.siblings, address)
        folder = _folder_of_commit(job, listing.sha)
        missing = sum(file.size for file in files if not (folder / file.path).exists())
        require_space(folder, missing)
        base = f"{job.network.hub_endpoint}/{address.repo}/resolve/{listing.sha}"
        return _download(Downloader(client, job.network), base, files, folder, job)


def _download(
    downloader: Downloader, base: str, files: list[_HubFile], folder: Path, job: FetchJob
) -> list[FetchedFile]:
    total = sum(file.size for file in files)
    before, fetched = 0, []
    for file in files:

        def report(done: int, _: int | None, before: int = before, path: str = file.path) -> None:
            job.progress(
                Step(stage="downloading", file=path, done_bytes=before + done, total_bytes=total)
            )

        promised = file.lfs.sha256 if file.lfs else ""
        target = folder / file.path
        if not target.exists():
            result = downloader.run(f"{base}/{quote(file.path)}", target, report)
            promised = promised or result.sha256 or ""
        before += file.size
        fetched.append(
            FetchedFile(path=file.path, sha256=promised or None, size_bytes=file.size or None)
        )
    return fetched


def _list_files(client: httpx.Client, job: FetchJob, address: HubAddress) -> _Listing:
    url = f"{job.network.hub_endpoint}/api/models/{address.repo}/revision/{address.revision}"

    def attempt() -> bytes:
        body = bytearray()
        with client.stream("GET", url, params={"blobs": "true"}) as response:
            transport.check_status(url, response)
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > MAX_LISTING_BYTES:
                    raise SetupError(f"{url} lists impossibly many files.")
        return bytes(body)

    try:
        return msgspec.json.decode(
            transport.retry(url, job.network, attempt, gained=lambda: 0), type=_Listing
        )
    except msgspec.DecodeError as error:
        raise SetupError(f"{url} does not answer like a model hub: {error}.") from error


def _choose(files: list[_HubFile], address: HubAddress) -> list[_HubFile]:
    pattern = address.pattern or "*"
    chosen = [f for f in files if fnmatchcase(f.path, pattern) and is_wanted(f.path)]
    ggufs = [file.path for file in files if file.path.endswith(".gguf")]
    if not any(file.path.endswith((".gguf", ".safetensors")) for file in chosen):
        kinds = f" It has {_listed(ggufs)}." if ggufs else ""
        wanted = address.pattern or "GGUF or safetensors weights"
        raise SetupError(f"{address.repo} has no {wanted} at {address.revision}.{kinds}")
    if not address.pattern and len(ggufs) > 1:
        raise SetupError(
            f"{address.repo} holds several GGUF files: write hf:{address.repo}/FILE with one of "
            f"{_listed(ggufs)}."
        )
    for file in chosen:
        safe_path(file.path)
    return chosen


def _folder_of_commit(job: FetchJob, commit: str) -> Path:
    """Empty the folder of what another commit left: its files could mix with this one's."""
    mark = job.scratch / "commit"
    if not mark.exists() or mark.read_text() != commit:
        job.clear()
        mark.write_text(commit)
    return job.folder


def _listed(paths: list[str]) -> str:
    shown = ", ".join(paths[:6])
    return shown if len(paths) <= 6 else f"{shown} and {len(paths) - 6} more"
