"""LiteLLM's proxy (L), the gateway people run today, in an environment of its own.

It has no database, so it does less than Hearth: it records no usage.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.processes import CACHE, Process

VERSION = "1.106.2"
KEY = "sk-bench"
INSTALL_LIMIT_S = 600.0

_CONFIG = """\
model_list:
  - model_name: {model}
    litellm_params:
      model: openai/upstream
      api_base: http://127.0.0.1:{upstream_port}/v1
      api_key: none
general_settings:
  master_key: {key}
litellm_settings:
  telemetry: false
"""


def install() -> Path | None:
    """Return LiteLLM's command, installed once; None, with a line saying why, when it cannot be."""
    home = CACHE / f"litellm-{VERSION}"
    command = home / "bin" / "litellm"
    if command.exists():
        return command
    print(f"Installing LiteLLM {VERSION} into {home} (about a minute)", flush=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    log = CACHE / "litellm-install.log"
    steps = (
        [sys.executable, "-m", "venv", str(home)],
        [f"{home}/bin/python", "-m", "pip", "install", "-q", f"litellm[proxy]=={VERSION}"],
    )
    try:
        with log.open("wb") as output:
            for step in steps:
                subprocess.run(
                    step, check=True, timeout=INSTALL_LIMIT_S, stdout=output, stderr=output
                )
    except (OSError, subprocess.SubprocessError) as error:
        print(f"LiteLLM is left out, it cannot be installed ({error}); see {log}", flush=True)
        return None
    return command


def start(command: Path, *, port: int, upstream_port: int, model: str, core: int) -> Process:
    """Start the proxy with one worker in front of the mock upstream's HTTP face."""
    config = CACHE / "litellm.yaml"
    config.write_text(_CONFIG.format(model=model, upstream_port=upstream_port, key=KEY))
    return Process(
        "litellm",
        [str(command), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)],
        core=core,
        environ={
            "LITELLM_LOG": "ERROR",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # its price list comes from the network
            "PATH": f"{command.parent}:{os.environ['PATH']}",
        },
    )
