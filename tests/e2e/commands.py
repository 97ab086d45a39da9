"""The `hearth` command run to its end, in an environment of a test's choice."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

LIMIT_S = 60


def hearth_command(
    home: Path,
    *arguments: str,
    python: Path | str = sys.executable,
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command of Hearth until it ends."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HEARTH_")}
    return subprocess.run(
        [str(python), "-m", "hearth.cli.main", *arguments],
        env=environment | {"HEARTH_HOME": str(home)} | dict(variables or {}),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def python_without(folder: Path, entries: Collection[str]) -> Path:
    """Make a Python in `folder`, like this one but without some entries of site-packages."""
    venv.create(folder, symlinks=True)
    (theirs,) = folder.glob("lib/python*/site-packages")
    ours = Path(msgspec.__file__).parent.parent
    for entry in ours.iterdir():
        if entry.name not in entries:
            (theirs / entry.name).symlink_to(entry)
    return folder / "bin" / "python"
