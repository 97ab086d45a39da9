"""How weights enter the store.

1. Take the model's lock; whoever comes second waits and finds the work done.
2. Fetch into `.partial/`, resuming what a killed pull left there.
3. Verify sizes and sums, convert if asked, inspect, write the manifest, flush to disk.
4. Rename the folder into place, which is the moment the model exists.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from hearth.catalog.convert import convert_gguf
from hearth.catalog.inspect import inspect_folder
from hearth.catalog.landing import hash_file, locked, swap_in, write_manifest
from hearth.catalog.sources import fetcher_for
from hearth.catalog.sources.address import parse_address
from hearth.catalog.sources.types import FetchedFile, FetchJob, Network, Progress, Step
from hearth.catalog.spec import PullSpec
from hearth.catalog.store import MANIFEST, make_folder, read_weights
from hearth.catalog.types import Inspection, Manifest, StoredFile, Weights
from hearth.errors import SetupError


class Pull:
    """Pulls models into the store at `root`."""

    def __init__(self, root: Path, network: Network, progress: Progress) -> None:
        self._root = root
        self._network = network
        self._progress = progress

    def run(self, spec: PullSpec) -> Weights:
        """See `ModelStore.pull`."""
        _, account, _, model_id = spec.name.split("/")
        final = make_folder(self._root / account) / model_id
        started = time.time_ns()
        try:
            with locked(self._root, spec.name, waiting=self._progress):
                present = read_weights(final)
                if present is None or not _settles(present, spec, started):
                    self._fetch(final, self._scratch(account, model_id, spec), spec)
        except OSError as error:
            raise SetupError(
                f"{spec.name} cannot be stored below {self._root}: {error}."
            ) from error
        weights = read_weights(final)
        assert weights is not None
        return weights

    def _fetch(self, final: Path, scratch: Path, spec: PullSpec) -> None:
        folder = make_folder(scratch / "files")
        job = FetchJob(
            folder=folder,
            scratch=scratch,
            progress=self._progress,
            network=self._network,
            size_bytes=spec.size_bytes,
        )
        fetched = fetcher_for(parse_address(spec.uri))(job)
        # The name of our own manifest is taken; a repository may hold a file called so.
        fetched = [file for file in fetched if file.path != MANIFEST]
        stored = self._verify(folder, fetched, spec)
        self._finish(folder, final, stored, spec)
        shutil.rmtree(scratch.parent)

    def _scratch(self, account: str, model_id: str, spec: PullSpec) -> Path:
        """Where this pull works; what pulls of another source left there is removed."""
        parent = make_folder(self._root / ".partial" / account / model_id)
        own = hashlib.sha256(f"{spec.uri}\n{spec.sha256}".encode()).hexdigest()[:16]
        for other in parent.iterdir():
            if other.name != own:
                shutil.rmtree(other)
        return make_folder(parent / own)

    def _verify(self, folder: Path, fetched: list[FetchedFile], spec: PullSpec) -> list[StoredFile]:
        single = spec.sha256 if len(fetched) == 1 else None
        total = sum((folder / file.path).stat().st_size for file in fetched)
        done, stored = 0, []
        for file in fetched:
            actual = hash_file(folder, file.path, self._verifying(file.path, done, total))
            expected = {single, file.sha256} - {None}
            if expected - {actual.sha256} or file.size_bytes not in (None, actual.size_bytes):
                (folder / file.path).unlink()
                raise SetupError(
                    f"{file.path} of {spec.source} arrived damaged: its sha256 is "
                    f"{actual.sha256}, not {' or '.join(sorted(map(str, expected)))}. Pull again; "
                    "if it stays so, the source has changed."
                )
            done += actual.size_bytes
            stored.append(actual)
        return stored

    def _verifying(self, path: str, before: int, total: int) -> Callable[[int], None]:
        return lambda done: self._progress(
            Step(stage="verifying", file=path, done_bytes=before + done, total_bytes=total)
        )

    def _finish(self, folder: Path, final: Path, stored: list[StoredFile], spec: PullSpec) -> None:
        _remove_strangers(folder, {file.path for file in stored})
        entry, inspection = inspect_folder(folder)
        if spec.form is not None and inspection.quantisation != spec.form:
            stored = self._convert(folder, entry, stored, spec)
            entry, inspection = inspect_folder(folder)
        write_manifest(folder, _manifest(folder, entry, inspection, stored, spec))
        swap_in(folder, final)

    def _convert(
        self, folder: Path, entry: Path, stored: list[StoredFile], spec: PullSpec
    ) -> list[StoredFile]:
        assert spec.form is not None
        if entry.suffix != ".gguf" or len(list(folder.rglob("*.gguf"))) != 1:
            raise SetupError(
                f"{spec.source} is not one GGUF file, so it cannot become {spec.form}."
            )
        old = inspect_folder(folder)[1].quantisation
        stem = entry.stem.removesuffix(old).rstrip(".-_") or entry.stem
        target = entry.with_name(f"{stem}.{spec.form}.gguf")
        convert_gguf(entry, target, spec.form, self._progress)
        entry.unlink()
        path = target.relative_to(folder).as_posix()
        kept = [file for file in stored if folder / file.path != entry]
        size = target.stat().st_size
        return [*kept, hash_file(folder, path, self._verifying(path, 0, size))]


def fetch_files(uri: str, folder: Path, network: Network, progress: Progress) -> None:
    """Fetch the files of a source into an empty folder; raises `SetupError`."""
    scratch = folder.with_name(f"{folder.name}.fetch")
    files = make_folder(scratch / "files")
    job = FetchJob(folder=files, scratch=scratch, progress=progress, network=network)
    for file in fetcher_for(parse_address(uri))(job):
        if file.path != MANIFEST:
            target = folder / file.path
            make_folder(target.parent)
            (files / file.path).rename(target)
    shutil.rmtree(scratch)


def _settles(present: Weights, spec: PullSpec, started_ns: int) -> bool:
    """Whether the weights here are what the pull is for.

    Raises:
        SetupError: they came from elsewhere, and replacing them was not asked for.
    """
    if spec.replace:
        came_ns = int(present.manifest.pulled_time.timestamp() * 1e9)
        return came_ns > started_ns and present.manifest.source == spec.source
    if (present.manifest.source, present.manifest.form) == (spec.source, spec.form):
        return True
    raise SetupError(
        f"{spec.name} is here already, from {present.manifest.source}: `--replace` replaces it, "
        "`--as ID` keeps both."
    )


def _remove_strangers(folder: Path, wanted: set[str]) -> None:
    """Drop what is not part of the model, such as the rest of an earlier, killed pull."""
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in wanted:
            path.unlink()


def _manifest(
    folder: Path, entry: Path, inspection: Inspection, stored: list[StoredFile], spec: PullSpec
) -> Manifest:
    return Manifest(
        name=spec.name,
        source=spec.source,
        form=spec.form,
        entry=entry.relative_to(folder).as_posix(),
        files=tuple(sorted(stored, key=lambda file: file.path)),
        inspection=inspection,
        pulled_time=datetime.now(UTC),
    )
