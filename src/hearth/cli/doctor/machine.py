"""The machine: cores, memory, disk, open files, clock, names."""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import socket
import tempfile
import time
from pathlib import Path

from hearth.cli.doctor.findings import Finding, fail, ok, warn

GB = 1e9
PROBE_BYTES = 8 * 1024 * 1024
MIN_MEMORY_GB, GOOD_MEMORY_GB = 0.5, 2.0  # the small default model, with room for its context
MIN_DISK_GB, GOOD_DISK_GB = 0.5, 5.0
SLOW_WRITE_MB_S, SLOW_FLUSH_MS = 50.0, 20.0
MIN_FILES, GOOD_FILES = 256, 4096  # a connection of a client takes one
TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


def cores() -> Finding:
    """How many cores this process may use."""
    number = len(os.sched_getaffinity(0))
    says = f"{number} cores" if number > 1 else "1 core"
    if number > 1:
        return ok("cores", says)
    return warn("cores", says, "One core serves slowly: an engine and the gateway share it.")


def memory() -> Finding:
    """What can be had of memory, within the limit of the container."""
    total, available = _memory_bytes()
    return judge_memory(available / GB, total / GB)


def judge_memory(available_gb: float, total_gb: float) -> Finding:
    """Whether so much memory is enough."""
    says = f"{available_gb:.1f} of {total_gb:.1f} GB free"
    if available_gb < MIN_MEMORY_GB:
        return fail("memory", says, "End other programs, or give the container more.")
    if available_gb < GOOD_MEMORY_GB:
        return warn("memory", says, f"Models other than small ones need {GOOD_MEMORY_GB:.0f} GB.")
    return ok("memory", says)


def _memory_bytes() -> tuple[float, float]:
    """Total and available."""
    rows = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    kib = {row[0].rstrip(":"): int(row[1]) for row in rows}
    total, available = kib["MemTotal"] * 1024, kib["MemAvailable"] * 1024
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        used = int((group / "memory.current").read_text())
    except (OSError, ValueError):  # no such file outside a container; "max" is no number
        return total, available
    return min(total, limit), max(0, min(available, limit - used))


def disk(home: Path) -> list[Finding]:
    """Room and speed of the disk that the home is on."""
    free_gb = shutil.disk_usage(_nearest(home)).free / GB
    findings = [judge_room(free_gb)]
    if home.is_dir() and os.access(home, os.W_OK) and free_gb > MIN_DISK_GB:
        findings.append(judge_speed(*_write_speed(home)))
    return findings


def judge_room(free_gb: float) -> Finding:
    """Whether so much room is enough."""
    says = f"{free_gb:.1f} GB free"
    if free_gb < MIN_DISK_GB:
        return fail("disk", says, "Make room: the journal of usage cannot be written without.")
    if free_gb < GOOD_DISK_GB:
        return warn(
            "disk", says, "Weights of most models need more; make room before `hearth pull`."
        )
    return ok("disk", says)


def judge_speed(mb_s: float, flush_ms: float) -> Finding:
    """Whether writes and flushes are quick enough."""
    says = f"writes {mb_s:.0f} MB/s, a flush takes {flush_ms:.1f} ms"
    if mb_s < SLOW_WRITE_MB_S or flush_ms > SLOW_FLUSH_MS:
        return warn(
            "disk speed", says, "Keep HEARTH_JOURNAL_MODE at write, or move HEARTH_HOME elsewhere."
        )
    return ok("disk speed", says)


def _write_speed(folder: Path) -> tuple[float, float]:
    """Megabytes a second, and milliseconds of one small flush."""
    block = os.urandom(1024) * (PROBE_BYTES // 1024)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
        start_s = time.perf_counter()
        file.write(block)
        file.flush()
        os.fsync(file.fileno())
        took_s = time.perf_counter() - start_s
        file.write(b"x")
        file.flush()
        os.fsync(file.fileno())
        flush_s = time.perf_counter() - start_s - took_s
    return PROBE_BYTES / 1e6 / took_s, flush_s * 1000


def _nearest(path: Path) -> Path:
    """The folder that is there, however much below it is not."""
    path = path.absolute()
    while not path.is_dir():
        path = path.parent
    return path


def open_files() -> Finding:
    """How many files and connections a process may have open."""
    return judge_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def judge_files(number: int) -> Finding:
    """Whether so many are enough."""
    if number in (resource.RLIM_INFINITY, -1):
        return ok("open files", "no limit")
    says, remedy = f"at most {number}", "Raise it with `ulimit -n 65536` before starting Hearth."
    if number < MIN_FILES:
        return fail("open files", says, remedy)
    return warn("open files", says, remedy) if number < GOOD_FILES else ok("open files", says)


def clock() -> Finding:
    """Whether the clock can be right, and is kept so."""
    written_s = Path(__file__).stat().st_mtime
    return judge_clock(time.time(), written_s, is_synchronised=_adjtimex() != TIME_ERROR)


def judge_clock(now_s: float, written_s: float, *, is_synchronised: bool) -> Finding:
    """Whether this can be the present time, given when these files were written."""
    says = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s))
    remedy = (
        "Set the clock, for instance by `timedatectl set-ntp true`: bills and leases follow it."
    )
    if now_s < written_s - 86_400:
        return fail("clock", f"{says}, which is before Hearth was installed", remedy)
    if not is_synchronised:
        return ok("clock", f"{says}; whether it is synchronised is not known")
    return ok("clock", f"{says}, synchronised")


def _adjtimex() -> int:
    """The state of the kernel's clock; see adjtimex(2)."""
    only_read = ctypes.create_string_buffer(256)  # struct timex with no mode set: nothing changes
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    return TIME_ERROR if adjtimex is None else int(adjtimex(only_read))


def localhost() -> Finding:
    """Whether the name of this machine itself means this machine."""
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo("localhost", None)}
    except OSError as error:
        found, reason = set(), error.strerror or str(error)
    else:
        reason = ", ".join(sorted(found))
    if found and found <= {"127.0.0.1", "::1"}:
        return ok("localhost", reason)
    return fail(
        "localhost", f"resolves to: {reason}", "Write `127.0.0.1 localhost` into /etc/hosts."
    )
