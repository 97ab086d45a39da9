"""How many threads the arithmetic takes; to be settled before numpy is loaded."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_AVX512 = {"avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"}


def settle() -> None:
    """Give every call one thread, for the engine has its own; pick the widest kernels there are.

    OpenBLAS falls back to its AVX2 kernels on processors that are younger than it is, which halves
    its speed where AVX-512 is there.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("RAYON_NUM_THREADS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if platform.machine() == "x86_64" and _flags() >= _AVX512:
        os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")


def _flags() -> set[str]:
    try:
        lines = _CPUINFO.read_text().splitlines()
    except OSError:  # not Linux
        return set()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())
