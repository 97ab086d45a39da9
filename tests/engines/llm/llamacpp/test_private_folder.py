"""Folders of dead processes go, those of living ones stay."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hearth.engines.llm.llamacpp.private_folder import PrivateFolder

MAKE_AND_DIE = """
import os
from hearth.engines.llm.llamacpp.private_folder import PrivateFolder
print(PrivateFolder().path, flush=True)
os._exit(1)
"""
LONG_AGO = (1.0, 1.0)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def test_only_its_owner_may_enter_and_closing_removes_it() -> None:
    folder = PrivateFolder()
    (folder.path / "llama.sock").touch()

    assert folder.path.stat().st_mode & 0o777 == 0o700
    folder.close()
    folder.close()
    assert not folder.path.exists()


def test_what_a_dead_process_left_is_removed_and_a_living_ones_is_not() -> None:
    made = subprocess.run(
        [sys.executable, "-c", MAKE_AND_DIE], capture_output=True, text=True, timeout=30
    )
    left, living = Path(made.stdout.strip()), PrivateFolder()
    assert left.exists()
    os.utime(left, LONG_AGO)
    os.utime(living.path, LONG_AGO)

    PrivateFolder().close()

    assert not left.exists()
    assert living.path.exists()
    living.close()
