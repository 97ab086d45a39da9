"""Serve, and start again whenever a file of the package changes: `make dev`."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"
COMMAND = [str(Path(sys.executable).with_name("hearth")), "up", *sys.argv[1:]]
POLL_S = 0.5


def state() -> dict[Path, int]:
    """What every file of the package looks like now."""
    files = [path for kind in ("*.py", "*.toml") for path in SOURCE.rglob(kind)]
    return {path: path.stat().st_mtime_ns for path in files if path.exists()}


def serve_until_change() -> None:
    """Run `hearth up` until a file changes; one that fails waits for the change that mends it."""
    seen = state()
    process = subprocess.Popen(COMMAND)
    try:
        while state() == seen:
            time.sleep(POLL_S)
        print("The source has changed: starting again.", flush=True)
        process.terminate()
    finally:
        process.wait()  # after Ctrl-C, which it has seen too, it drains


if __name__ == "__main__":
    try:
        while True:
            serve_until_change()
    except KeyboardInterrupt:
        sys.exit(0)
