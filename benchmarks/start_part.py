"""How long a person waits: the command line's first word, and a second start of everything."""

from __future__ import annotations

import signal
import subprocess
import time
from statistics import median

from msgspec import Struct

from benchmarks import hearth_server
from benchmarks.figures import Figure
from benchmarks.processes import free_port

HELP_RUNS = 10
STARTS = 3
HELP_LIMIT_S = 30.0


class StartRun(Struct, frozen=True):
    """Medians, wall seconds: what is promised here is the wait itself."""

    help_s: float
    second_start_s: float


def run() -> StartRun:
    """Measure both."""
    help_s = median(_help_s() for _ in range(HELP_RUNS))
    _start(hearth_server.FIRST_START_LIMIT_S)  # makes the home and fetches the model
    starts = [_start(hearth_server.START_LIMIT_S) for _ in range(STARTS)]
    for waited_s, cpu_s in starts:
        print(f"hearth up: ready after {waited_s:.2f} s and {cpu_s:.2f} s of CPU")
    return StartRun(help_s, median(waited_s for waited_s, _ in starts))


def _help_s() -> float:
    started_s = time.perf_counter()
    subprocess.run(
        [hearth_server.HEARTH, "--help"],
        check=True,
        timeout=HELP_LIMIT_S,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started_s


def _start(limit_s: float) -> tuple[float, float]:
    """Start, wait until ready, end as Ctrl-C does; return wall and CPU seconds."""
    port = free_port()
    with hearth_server.start_up(port) as process:
        waited_s = process.wait_until(f"127.0.0.1:{port}", hearth_server.READY, limit_s=limit_s)
        cpu_s = process.cpu_s()
        process.end(signal.SIGINT)
    return waited_s, cpu_s


FIGURES: list[Figure[StartRun]] = [
    Figure(
        name="hearth_help",
        unit="s",
        target=0.3,
        direction="at most",
        measure=lambda run: run.help_s,
    ),
    Figure(
        name="hearth_up_second_start",
        unit="s",
        target=3.0,
        direction="at most",
        measure=lambda run: run.second_start_s,
    ),
]
