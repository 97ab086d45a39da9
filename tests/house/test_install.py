"""`scripts/install` says in one line what a machine lacks, and does nothing when all is there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.source import ROOT

OLD = "#!/bin/sh\nexit 1\n"
WITHOUT_VENV = """#!/bin/sh
case $2 in
*version_info\\ \\<*) exit 0 ;;
*print*) echo python3.12 ;;
*) exit 1 ;;
esac
"""
TOOLS = ["sh", "dirname", "cksum", "cat", "grep"]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with just what the script reads, and a PATH of its own."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "bin").mkdir()
    shutil.copy(ROOT / "scripts" / "install", tmp_path / "scripts" / "install")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, tool
        (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path


def install(clone: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the script as `make install` would, on a machine that has only `bin`."""
    return subprocess.run(
        [clone / "scripts" / "install", "base"],
        env={"PATH": str(clone / "bin"), **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


def add_python(clone: Path, script: str, name: str = "python3") -> None:
    """Put a Python of our making on the machine."""
    path = clone / "bin" / name
    path.write_text(script)
    path.chmod(0o755)


def test_a_machine_without_python_is_told_what_to_install(clone: Path) -> None:
    done = install(clone)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "apt-get install python3 python3-venv" in done.stderr


def test_a_python_that_is_too_old_is_passed_over(clone: Path) -> None:
    add_python(clone, OLD)

    assert "3.11 or newer" in install(clone).stderr


def test_a_python_without_venv_is_told_the_package(clone: Path) -> None:
    add_python(clone, WITHOUT_VENV)

    done = install(clone)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "apt-get install python3.12-venv" in done.stderr


def test_a_python_that_was_asked_for_and_is_not_there_is_named(clone: Path) -> None:
    assert "PYTHON=python9" in install(clone, PYTHON="python9").stderr


def test_a_second_install_does_nothing(clone: Path) -> None:
    state = subprocess.run(
        ["sh", "-c", 'echo "$PWD $(cat pyproject.toml scripts/install | cksum)"'],
        cwd=clone,
        check=True,
        capture_output=True,
        text=True,
    )
    (clone / ".venv").mkdir()
    (clone / ".venv" / "installed-base").write_text(state.stdout)

    done = install(clone)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
