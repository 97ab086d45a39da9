"""Hearth itself, started as the benchmark needs it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from benchmarks.processes import Process


def is_there() -> bool:
    """Whether this checkout has a gateway to measure."""
    return find_spec("hearth.app") is not None


def start_gateway(home: Path, *, worker: Path, port: int, core: int) -> tuple[Process, str]:
    """Start a gateway alone, connected to the worker at that socket; return it and a key."""
    raise NotImplementedError
