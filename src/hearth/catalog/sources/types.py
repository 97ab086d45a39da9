"""What fetching weights takes and gives, whatever the source."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from hearth.errors import SetupError

HUB_ENDPOINT = "https://huggingface.co"
SPARE_BYTES = 64 << 20
"Left free on the disk, so that a pull never fills it to the last byte."

Stage = Literal["waiting", "downloading", "verifying", "converting"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """How far a pull is; `total_bytes` is None while unknown."""

    stage: Stage
    file: str = ""
    done_bytes: int = 0
    total_bytes: int | None = None


Progress = Callable[[Step], None]


@dataclass(frozen=True, kw_only=True)
class Network:
    """How to reach the outside.

    Args:
        retry_wait_s: before the second try; doubled each time.
    """

    hub_endpoint: str = HUB_ENDPOINT
    hub_token: str = field(default="", repr=False)
    connect_timeout_s: float = 20.0
    read_timeout_s: float = 60.0
    retry_wait_s: float = 1.0

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Network:
        """Honour HF_ENDPOINT and HF_TOKEN, the variables of the hub's own client."""
        endpoint = environ.get("HF_ENDPOINT") or HUB_ENDPOINT
        return cls(hub_endpoint=endpoint.rstrip("/"), hub_token=environ.get("HF_TOKEN", ""))


@dataclass(frozen=True, kw_only=True)
class FetchedFile:
    """A file that arrived; the sum and size are what its source promised, if it did."""

    path: str
    sha256: str | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class FetchJob:
    """Where to put what is fetched.

    Args:
        folder: receives the files of the model; may hold some from a pull that was cut off.
        scratch: for everything else; removed after the pull.
        size_bytes: what the catalogue expects, if it says.
    """

    folder: Path
    scratch: Path
    progress: Progress
    network: Network
    size_bytes: int | None = None

    def clear(self) -> None:
        """Forget what earlier pulls left."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()


class Fetcher(Protocol):
    """Fetches from one kind of source."""

    def __call__(self, job: FetchJob) -> list[FetchedFile]:
        """Fetch every file, resuming what an earlier pull left.

        Raises:
            SetupError: it cannot be reached, is not there, or does not fit on the disk.
        """


def require_space(folder: Path, num_bytes: int) -> None:
    """Check that `num_bytes` more fit on the disk of `folder`.

    Raises:
        SetupError: they do not; names what is missing and the remedy.
    """
    free = shutil.disk_usage(folder).free
    if free < num_bytes + SPARE_BYTES:
        raise SetupError(
            f"{folder} has {free / 1e6:.0f} MB free and the weights need {num_bytes / 1e6:.0f} MB: "
            "free some space, or set HEARTH_HOME to a folder on a larger disk."
        )
