"""What this machine has: its processor with the memory it may use, and real GPUs."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Final

from hearth.deployments.placement.accelerators import memory_bytes
from hearth.deployments.placement.memory import USABLE_SHARE_CPU
from hearth.deployments.placement.types import AcceleratorType, Stock

CPU_SHARE_BYTES: Final = 256 * 2**20
"The processor is shared: a replica takes as many shares of memory as it needs."

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
_QUERY = ("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits")
_QUERY_TIMEOUT_S = 10.0


def local_stocks() -> tuple[Stock, ...]:
    """The processor, and every GPU that `nvidia-smi` names and the contract knows; all real."""
    return (cpu_stock(usable_memory_bytes()), *gpu_stocks(_ask_nvidia_smi()))


def cpu_stock(memory: int) -> Stock:
    """A processor with so much memory, in shares."""
    return Stock(
        accelerator=AcceleratorType.CPU,
        count=int(memory * USABLE_SHARE_CPU) // CPU_SHARE_BYTES,
        memory_bytes=memory,
        is_emulated=False,
        share_bytes=CPU_SHARE_BYTES,
    )


def gpu_stocks(listing: str) -> tuple[Stock, ...]:
    """Read lines such as `NVIDIA H100 80GB HBM3, 81559`: a name and its memory in MiB."""
    counted: Counter[AcceleratorType] = Counter()
    for line in listing.splitlines():
        name, _, mebibytes = line.rpartition(",")
        kind = _kind(name, mebibytes.strip())
        if kind is not None:
            counted[kind] += 1
    return tuple(
        Stock(accelerator=kind, count=count, memory_bytes=memory_bytes(kind), is_emulated=False)
        for kind, count in counted.items()
    )


def usable_memory_bytes() -> int:
    """The machine's memory, or what its container may use of it."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        limit = _CGROUP_LIMIT.read_text()
    except OSError:
        return memory
    return min(memory, int(limit)) if limit.strip().isdigit() else memory


def _kind(name: str, mebibytes: str) -> AcceleratorType | None:
    """The chip is a word of the name; where one has several sizes, the nearest is meant."""
    chips = set(name.lower().replace("-", " ").split())
    kinds = [kind for kind in AcceleratorType if _chip(kind) in chips]
    if not kinds or not mebibytes.isdigit():
        return None
    found = int(mebibytes) * 2**20
    return min(kinds, key=lambda kind: abs(memory_bytes(kind) - found))


def _chip(kind: AcceleratorType) -> str:
    parts = kind.lower().split("_")
    return parts[1] if len(parts) > 1 else ""


def _ask_nvidia_smi() -> str:
    try:
        done = subprocess.run(
            _QUERY, capture_output=True, text=True, timeout=_QUERY_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout
