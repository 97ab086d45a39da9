"""What the kernel counts: CPU time and memory of process trees, and how busy a core is.

CPU time is read from each process's CPU clock: the nanoseconds the scheduler gave to its threads,
the same count as in `/proc/<pid>/task/*/schedstat` plus that of threads that have ended, which a
server that starts a thread per call would otherwise hide. It repeats within a few per cent where
requests per second differ by half.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_CPUCLOCK_SCHED = 2  # from linux/posix-timers.h
_IDLE_COLUMNS = (3, 4)  # idle and iowait, in `/proc/stat` without the name


def tree(pid: int) -> list[int]:
    """The process and its descendants that live now."""
    pids = [pid]
    for parent in pids:  # grows while it is walked
        for children in (_PROC / str(parent)).glob("task/*/children"):
            with suppress(OSError):
                pids += map(int, children.read_text().split())
    return pids


def cpu_s(pid: int) -> float:
    """CPU seconds spent so far by every process of the tree that lives."""
    spent_s = 0.0
    for member in tree(pid):
        with suppress(OSError):
            spent_s += time.clock_gettime(_cpu_clock(member))
    return spent_s


def _cpu_clock(pid: int) -> int:
    """The clock id of a process's CPU time, as `clock_getcpuclockid(3)` makes it on Linux."""
    return (~pid << 3) | _CPUCLOCK_SCHED


def resident_mib(pid: int) -> float:
    """Resident memory of the tree, shared pages counted once per process."""
    pages = 0
    for member in tree(pid):
        with suppress(OSError):
            pages += int((_PROC / str(member) / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class CoreClock:
    """How long a core was busy since the clock was made, whoever used it."""

    def __init__(self, core: int) -> None:
        self._core = core
        self._busy_s = self._read()
        self._started_s = time.monotonic()

    def busy_s(self) -> float:
        """Busy seconds since the start; exact to about 10 ms."""
        return self._read() - self._busy_s

    def elapsed_s(self) -> float:
        """Wall time since the start."""
        return time.monotonic() - self._started_s

    def _read(self) -> float:
        for line in (_PROC / "stat").read_text().splitlines():
            name, *columns = line.split()
            if name == f"cpu{self._core}":
                ticks = [int(column) for column in columns[:8]]
                return (sum(ticks) - sum(ticks[i] for i in _IDLE_COLUMNS)) / _TICKS_PER_S
        raise LookupError(f"The machine has no core {self._core}.")
