"""`eval $(hearth env)` is all a user does; the clients then need no argument."""

from __future__ import annotations

import shlex
import sys

from tests.e2e.clients.driven import PROGRAMS, Facts, read_facts
from tests.e2e.clients.environments import Environment
from tests.running import RunningHearth

ENV = f"{shlex.quote(sys.executable)} -m hearth.cli.main env"


def run_in_shell(hearth: RunningHearth, *command: object) -> Facts:
    words = shlex.join(str(word) for word in command)
    script = f"eval $({ENV}) && exec {words}"
    return read_facts(["sh", "-euc", script], {"HEARTH_HOME": str(hearth.home)})


def test_asynchronous_openai_needs_no_argument(
    hearth: RunningHearth, openai_environment: Environment
) -> None:
    facts = run_in_shell(hearth, openai_environment.python, PROGRAMS / "openai_async.py")

    assert all(facts["whole"])
    assert facts["streamed"] == facts["whole"]
    assert facts["models"]


def test_asynchronous_fireworks_needs_no_argument(
    hearth: RunningHearth, fireworks_environment: Environment
) -> None:
    facts = run_in_shell(hearth, fireworks_environment.python, PROGRAMS / "fireworks_async.py")

    assert all(facts["whole"])
    assert facts["accounts"] == ["accounts/dev"]
