"""Models attached by URL, in `<home>/remotes.json`: other servers do their work.

Nothing secret is in that file: a key is named by the environment variable that holds it.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from hearth.catalog.types import Count, Id, Weights
from hearth.errors import SetupError

log = logging.getLogger(__name__)


class Remote(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A model that a server at a URL answers for; see `engines.remote` for the meaning."""

    id: Id
    account: Id
    url: str
    model: str
    "The server's name for it."
    api_key_env: str = ""
    timeout_s: float | None = None
    context_length: Count | None = None
    attached: date

    @property
    def name(self) -> str:
        """The full name of the model it serves."""
        return f"accounts/{self.account}/models/{self.id}"

    @property
    def options(self) -> dict[str, str | int | float | bool]:
        """The options of its worker, whose engine is `remote`."""
        options: dict[str, str | int | float | bool] = {"url": self.url, "model": self.model}
        if self.api_key_env:
            options["api_key_env"] = self.api_key_env
        if self.timeout_s is not None:
            options["timeout_s"] = self.timeout_s
        return options


Holding = Weights | Remote
"Something that serves a model; it has the model's full `name`."


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Literal[1] = 1
    remotes: list[Remote] = []


_decoder = msgspec.json.Decoder(_File)


class Remotes:
    """The models attached below one home folder; any number of processes may use it."""

    def __init__(self, home: Path) -> None:
        self._path = home / "remotes.json"

    def list(self) -> Sequence[Remote]:
        """All that are attached, by name; a file that cannot be read is logged and holds none."""
        try:
            return sorted(self._read().values(), key=lambda remote: remote.name)
        except SetupError as error:
            log.warning("No model is attached: %s", error)
            return []

    def find(self, full_name: str) -> Remote | None:
        """The one attached as `accounts/A/models/M`."""
        return next((remote for remote in self.list() if remote.name == full_name), None)

    def fingerprint(self) -> str:
        """Changes when a model is attached or detached; costs one look at the file."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return ""
        return f"{found.st_ino}@{found.st_mtime_ns}"

    def put(self, remote: Remote) -> None:
        """Attach a model, in place of one of the same name.

        Raises:
            SetupError: the file cannot be read or written.
        """
        self._change(lambda remotes: {**remotes, remote.name: remote})

    def remove(self, full_name: str) -> bool:
        """Detach a model; whether it was attached.

        Raises:
            SetupError: the file cannot be read or written.
        """
        if full_name not in self._read():
            return False
        self._change(lambda remotes: {n: r for n, r in remotes.items() if n != full_name})
        return True

    def _read(self) -> Mapping[str, Remote]:
        try:
            remotes = _decoder.decode(self._path.read_bytes()).remotes
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SetupError(
                f"{self._path} cannot be read ({error}); mend it, or remove it and attach anew."
            ) from error
        return {remote.name: remote for remote in remotes}

    def _change(self, change: Callable[[Mapping[str, Remote]], Mapping[str, Remote]]) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked():
                self._write(list(change(self._read()).values()))
        except OSError as error:
            raise SetupError(
                f"{self._path} cannot be written ({error.strerror}); "
                "make its folder writable or choose another with HEARTH_HOME."
            ) from error

    def _write(self, remotes: Sequence[Remote]) -> None:
        """Replace the file in one step, so that no reader sees half of it."""
        part = self._path.with_suffix(".json.part")
        part.unlink(missing_ok=True)
        file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "wb") as writer:
            writer.write(msgspec.json.format(msgspec.json.encode(_File(remotes=[*remotes]))))
            writer.flush()
            os.fsync(writer.fileno())
        part.rename(self._path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes from changing the file meanwhile."""
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)
