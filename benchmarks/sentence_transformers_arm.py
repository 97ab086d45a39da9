"""sentence-transformers on the same model, in an environment of its own.

Run there as `… FOLDER THREADS`: reads a JSON list of texts a line, answers each with the seconds
that encoding them took. Nothing of this project is imported by that side.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

VERSION = "6.2.0"
TORCH = "2.13.0"
INSTALL_LIMIT_S = 1200.0


class SentenceTransformers:
    """The process that encodes."""

    def __init__(self, python: Path, folder: Path, threads: int) -> None:
        self._process = subprocess.Popen(
            [str(python), __file__, str(folder), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def encode_s(self, texts: list[str]) -> float:
        """Seconds for these texts."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(texts) + "\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def install(cache: Path) -> Path | None:
    """Return the environment's Python; None, with a line saying why, when it cannot be made."""
    home = cache / f"sentence-transformers-{VERSION}"
    python, done = home / "bin" / "python", home / "installed"
    if done.exists():
        return python
    print(f"Installing sentence-transformers {VERSION} into {home} (minutes)", flush=True)
    cache.mkdir(parents=True, exist_ok=True)
    pip = [str(python), "-m", "pip", "install", "-q"]
    log = cache / "sentence-transformers-install.log"
    steps = (
        [sys.executable, "-m", "venv", str(home)],
        [*pip, f"torch=={TORCH}"],
        [*pip, f"sentence-transformers=={VERSION}"],
    )
    try:
        with log.open("wb") as output:
            for step in steps:
                subprocess.run(
                    step, check=True, timeout=INSTALL_LIMIT_S, stdout=output, stderr=output
                )
    except (OSError, subprocess.SubprocessError) as error:
        print(f"sentence-transformers is left out ({error}); see {log}", flush=True)
        return None
    done.touch()
    return python


def serve(folder: str, threads: int) -> None:
    """Encode what comes; runs in the other environment."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    model = SentenceTransformer(folder, device="cpu")
    for line in sys.stdin:
        texts = json.loads(line)
        started_s = time.perf_counter()
        model.encode(texts, batch_size=32, show_progress_bar=False)
        print(time.perf_counter() - started_s, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
