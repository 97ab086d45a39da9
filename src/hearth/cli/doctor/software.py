"""What is installed: Python, libraries, the sandbox of uploaded code, GPUs."""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions, requires, version

from hearth.cli.doctor.findings import Finding, fail, ok, warn

LIMIT_S = 2.5
_IMPORTING = """
import importlib, json, sys
for name in sys.argv[1:]:
    print(json.dumps([name, None]), flush=True)
    try:
        importlib.import_module(name)
    except Exception as error:
        print(json.dumps([name, f"{type(error).__name__}: {error}"]), flush=True)
    else:
        print(json.dumps([name, ""]), flush=True)
"""


def python() -> Finding:
    """Which Python runs this; the package cannot be installed on one that is too old."""
    return ok("python", f"{platform.python_version()} at {sys.executable}")


def libraries(*, limit_s: float = LIMIT_S) -> Finding:
    """Whether what Hearth needs can be imported; one of them may take its process with it."""
    modules = _modules()
    command = [sys.executable, "-c", _IMPORTING, *sorted(modules)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
        lines, is_cut = done.stdout, False
    except subprocess.TimeoutExpired as error:
        lines, is_cut = (error.stdout or b"").decode(), True
    outcome: dict[str, str | None] = dict(json.loads(line) for line in lines.splitlines() if line)
    broken = {name: said for name, said in outcome.items() if said}
    begun = next((name for name, said in outcome.items() if said is None), None)
    if begun is not None and not is_cut:
        broken[begun] = "importing it ends the process; is it built for this processor?"
    if broken:
        said = "; ".join(f"{modules[name]} ({why[:200]})" for name, why in broken.items() if why)
        return fail(
            "libraries", said, "Install Hearth anew: `pip install --force-reinstall hearth`."
        )
    if is_cut:
        return warn("libraries", f"importing took over {limit_s} s", "Is the disk or machine busy?")
    named = ", ".join(f"{name} {version(name)}" for name in sorted(set(modules.values())))
    return ok("libraries", named)


def _modules() -> dict[str, str]:
    """A module to import, by which distribution that Hearth needs has it."""
    lines = [line for line in requires("hearth") or [] if "extra ==" not in line]
    needed = {_canonical(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in lines}
    found: dict[str, str] = {}
    for module, distributions in packages_distributions().items():
        for name in map(_canonical, distributions):
            if name in needed and name not in found.values() and not module.startswith("_"):
                found[module] = name
    return found


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def sandbox() -> Finding:
    """Whether bubblewrap can shut a program in, as uploaded code needs."""
    remedy = "Install bubblewrap and allow user namespaces; until then uploaded code is refused."
    if shutil.which("bwrap") is None:
        return warn("sandbox", "bubblewrap is not installed", remedy)
    shut_in = ["bwrap", "--ro-bind", "/", "/", "--unshare-all", "--die-with-parent", "true"]
    try:
        done = subprocess.run(shut_in, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return warn("sandbox", f"bubblewrap did not start within {LIMIT_S} s", remedy)
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or [f"status {done.returncode}"]
        return warn("sandbox", f"bubblewrap cannot start one: {reason[0][:200]}", remedy)
    return ok("sandbox", "bubblewrap starts one with no network")


def gpus() -> Finding:
    """Which GPUs the driver shows."""
    if shutil.which("nvidia-smi") is None:
        return ok("gpu", "none; profile dev emulates accelerators on the CPU and says so")
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return warn("gpu", "nvidia-smi does not answer", "The driver hangs: restart the machine.")
    rows = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    if done.returncode != 0 or not rows:
        said = (done.stdout + done.stderr).strip().splitlines()[:1] or ["no GPU"]
        return warn("gpu", f"nvidia-smi: {said[0][:200]}", "Load the driver, or remove its tools.")
    return ok("gpu", "; ".join(rows))
