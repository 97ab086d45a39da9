"""Shell completion: words, flags, values and ids."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.firectl.terminal import Reply, World, typed


def offered(*words: str) -> list[str]:
    return typed("__complete", *words).out.split()


@pytest.mark.parametrize(
    ("line", "included"),
    [
        ("dep", ["deployed-model", "deployment"]),
        ("create dep", ["deployment", "deployments"]),
        ("deployment s", ["scale"]),
        ("create deployment --gpu", ["--gpu-count", "--gpu-type"]),
        ("create deployment --gpu-type h", ["h100", "h200"]),
        ("create deployment -o ", ["flag", "json", "text", "yaml"]),
        ("create user --role a", ["admin"]),
        ("completion ", ["bash", "fish", "zsh"]),
        ("help cre", ["create"]),
    ],
)
def test_words_flags_and_values_are_offered(line: str, included: list[str]) -> None:
    words = [*shlex.split(line), ""] if line.endswith(" ") else shlex.split(line)

    assert set(included) <= set(offered(*words))


def test_ids_of_the_account_are_offered(world: World) -> None:
    rows = [{"name": f"accounts/dev/deployments/{each}"} for each in ("d1", "d2", "x")]
    world.on("GET", "deployments", Reply(body={"deployments": rows}))

    assert offered("get", "deployment", "d") == ["d1", "d2"]
    assert offered("load-lora", "m", "--deployment", "") == ["d1", "d2", "x"]


def test_what_goes_wrong_is_kept_from_the_shell(world: World) -> None:
    world.on("GET", "deployments", Reply(status=500))

    ran = typed("__complete", "get", "deployment", "")

    assert (ran.status, ran.out.strip(), ran.err) == (0, "", "")
    assert typed("__complete", "nonsense", "x").status == 0


def test_bash_itself_completes_with_the_script(home: Path) -> None:
    program = home / "firectl"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m hearth.firectl.main "$@"\n')
    program.chmod(0o700)
    script = """
        source <(firectl completion bash)
        COMP_WORDS=(firectl create deployment --gpu-t); COMP_CWORD=3
        _firectl; printf '%s\\n' "${COMPREPLY[@]}"
    """
    environment = os.environ | {"PATH": f"{home}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout == "--gpu-type\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_script_for_each_shell_that_the_shell_can_read(shell: str) -> None:
    script = typed("completion", shell).out

    assert "firectl __complete" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_another_shell_is_refused() -> None:
    assert typed("completion", "tcsh").status == 2
