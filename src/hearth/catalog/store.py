"""The model store: weights in `<home>/models/<account>/<id>/`, each folder whole or not there.

Reading is here; `pull` and `landing` change it. Any number of processes may use one store. Other
forms of a model's weights are in `.variants/<account>/<id>/<form>/`.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from hearth.catalog import names
from hearth.catalog.names import Collection
from hearth.catalog.sources.types import Network, Progress, Step
from hearth.catalog.spec import Incoming, PullSpec
from hearth.catalog.types import Form, Manifest, Weights
from hearth.errors import SetupError
from hearth.kit.ids import is_resource_id

MANIFEST = "manifest.json"

_log = logging.getLogger(__name__)
_decoder = msgspec.json.Decoder(Manifest)


def _ignore(_: Step) -> None:
    """Report progress to nobody."""


class ModelStore:
    """The weights below one home folder."""

    def __init__(self, home: Path, *, network: Network | None = None) -> None:
        self.root = home / "models"
        self._network = network or Network()

    def find(self, full_name: str) -> Weights | None:
        """The weights of `accounts/A/models/M`; None when they are not here, or not whole."""
        name = names.parse(full_name)
        if name is None or name.account is None or name.collection is not Collection.MODELS:
            return None
        if not is_resource_id(name.account) or not is_resource_id(name.id):
            return None
        return read_weights(self.root / name.account / name.id)

    def list(self) -> Sequence[Weights]:
        """All weights here, by name; folders that are not whole are logged and left out."""
        folders = (path.parent for path in self.root.glob(f"[a-z]*/[a-z]*/{MANIFEST}"))
        found = (read_weights(folder) for folder in sorted(folders))
        return [weights for weights in found if weights is not None]

    def fingerprint(self) -> str:
        """Changes when a model comes, goes or is replaced; costs one listing per account."""
        entries = []
        for account in _folders(self.root):
            for model in _folders(account.path):
                with suppress(FileNotFoundError):  # replaced or removed meanwhile
                    changed = model.stat().st_mtime_ns
                    entries.append(f"{account.name}/{model.name}={model.inode()}@{changed}")
        return hashlib.sha256("\n".join(sorted(entries)).encode()).hexdigest()[:16]

    def pull(self, spec: PullSpec, *, progress: Progress = _ignore) -> Weights:
        """Fetch weights, verify them and put them in the store; blocks until they are here.

        Weights that are here already are returned at once. Two pulls of one model work together:
        the second waits for the first. A pull that was killed is taken up where it was.

        Raises:
            SetupError: the source, the network, the disk or another source's weights stop it.
            InvalidRequest: what was fetched is not usable weights.
        """
        from hearth.catalog.pull import Pull  # what fetches is needed by pulls alone

        return Pull(self.root, self._network, progress).run(spec)

    def variants(self, full_name: str) -> Sequence[Weights]:
        """Other forms of a model's weights, as long as they are of those that are here."""
        present = self.find(full_name)
        if present is None:
            return []
        folders = sorted(variant_folder(self.root, full_name).glob(f"*/{MANIFEST}"))
        found = (read_weights(path.parent) for path in folders)
        source = variant_source(present)
        return [each for each in found if each is not None and each.manifest.source == source]

    def adopt(self, incoming: Incoming, *, progress: Progress = _ignore) -> Weights:
        """Take in weights that somebody brings; see `Landing.adopt`."""
        from hearth.catalog.landing import Landing

        return Landing(self.root, progress).adopt(incoming)

    def fetch(self, uri: str, folder: Path, *, progress: Progress = _ignore) -> None:
        """Fetch the files of a source into an empty folder, without making a model of them.

        Raises:
            SetupError: the source, the network or the disk stops it.
        """
        from hearth.catalog.pull import fetch_files

        fetch_files(uri, folder, self._network, progress)

    def prepare(self, weights: Weights, form: Form, *, progress: Progress = _ignore) -> Weights:
        """Make another form of weights that are here; see `Landing.prepare`."""
        from hearth.catalog.landing import Landing

        return Landing(self.root, progress).prepare(weights, form)

    def remove(self, full_name: str) -> bool:
        """Let go of weights and their other forms in one step; whether there were any."""
        from hearth.catalog.landing import Landing

        return Landing(self.root, _ignore).remove(full_name)

    def set_public(self, full_name: str, *, is_public: bool) -> None:
        """Say whether every account may call a model that is here."""
        from hearth.catalog.landing import Landing

        Landing(self.root, _ignore).set_public(full_name, is_public=is_public)


def variant_folder(root: Path, full_name: str) -> Path:
    """Where other forms of a model's weights are."""
    _, account, _, model_id = full_name.split("/")
    return root / ".variants" / account / model_id


def variant_source(weights: Weights) -> str:
    """What the manifest of another form says of where it came from."""
    return f"prepared from sha256:{weights.sha256}"


def read_weights(folder: Path) -> Weights | None:
    """The weights in `folder`; None when there are none, or fewer bytes than were stored."""
    try:
        manifest = _decoder.decode((folder / MANIFEST).read_bytes())
        short = [
            file.path
            for file in manifest.files
            if (folder / file.path).stat().st_size != file.size_bytes
        ]
    except FileNotFoundError:
        if (folder / MANIFEST).exists():
            _log.warning("%s lacks files: remove it and pull again", folder)
        return None
    except (OSError, msgspec.DecodeError) as error:
        _log.warning("%s is not readable (%s): remove it and pull again", folder, error)
        return None
    if short:
        _log.warning("%s: %s changed size: remove it and pull again", folder, ", ".join(short))
        return None
    return Weights(folder=folder, manifest=manifest)


def _folders(path: Path | str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return [entry for entry in entries if entry.name[:1].isalpha() and entry.is_dir()]
    except FileNotFoundError:
        return []


def make_folder(path: Path) -> Path:
    """Create a folder of the store.

    Raises:
        SetupError: the home folder cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"{path} cannot be made ({error.strerror}): set HEARTH_HOME to a folder you own."
        ) from error
    return path
