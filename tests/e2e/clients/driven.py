"""Runs a client's program as a user would, and reads the facts it prints."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.e2e.clients.environments import Environment
from tests.running import RunningHearth

PROGRAMS = Path(__file__).parent / "programs"
LIMIT_S = 60

Facts = dict[str, Any]  # Any: JSON

OURS = ("HEARTH_", "OPENAI_", "FIREWORKS_", "ANTHROPIC_", "PYTHON", "NODE_")


def clean_environment(**variables: str) -> dict[str, str]:
    """The variables of this process, without those that clients or Hearth read."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return kept | variables


def keys_of(hearth: RunningHearth) -> dict[str, str]:
    """The variables that hold the key and the account, but no address."""
    credentials = hearth.credentials
    return {
        "OPENAI_API_KEY": credentials["api_key"],
        "FIREWORKS_API_KEY": credentials["api_key"],
        "FIREWORKS_ACCOUNT_ID": credentials["account_id"],
    }


def run_python(client: Environment, program: str, *arguments: str, **variables: str) -> Facts:
    """The facts that a Python program prints."""
    command = [str(client.python), str(PROGRAMS / program), *arguments]
    return read_facts(command, variables)


def run_node(client: Environment, program: str, *arguments: str, **variables: str) -> Facts:
    """The facts that a JavaScript module prints; it finds packages in the environment."""
    text = (PROGRAMS / program).read_text()
    command = [str(client.node), "--input-type=module", "-", *arguments]
    return read_facts(command, variables, folder=client.folder, text=text)


def read_facts(
    command: list[str], variables: dict[str, str], *, folder: Path = PROGRAMS, text: str = ""
) -> Facts:
    """Run a command with a clean environment and read the JSON that it prints."""
    done = subprocess.run(
        command,
        env=clean_environment(**variables),
        cwd=folder,
        input=text,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    facts: Facts = json.loads(done.stdout)
    return facts
