"""Weights that somebody brings: whole in the store or not there, wherever it is cut off."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hearth.catalog import Incoming, Inspection, ModelStore
from hearth.errors import InvalidRequest, Unavailable
from tests.catalog.weights import write_gguf

NAME = "accounts/me/models/tiny"

DYING = """
import os, shutil, signal, sys
from pathlib import Path
from hearth.catalog import Incoming, ModelStore, landing
home, source, where = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

def die(at):
    if at == where:
        os.kill(os.getpid(), signal.SIGKILL)

def fill(folder):
    shutil.copyfile(source, folder / "tiny.gguf")
    die("filled")

class Watch:
    def __call__(self, frame, event, arg):
        if event == "call" and frame.f_code.co_name in ("write_manifest", "swap_in"):
            die(frame.f_code.co_name)

sys.setprofile(Watch())
incoming = Incoming(
    name=sys.argv[4], source="upload", fill=fill, check=lambda folder, found: die("checked")
)
ModelStore(home).adopt(incoming, progress=lambda step: die(step.stage))
"""


def allow(_: Path, __: Inspection) -> None:
    """Refuse nothing."""


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.gguf"
    write_gguf(path)
    return path


def incoming(gguf: Path, name: str = NAME) -> Incoming:
    def fill(folder: Path) -> None:
        shutil.copyfile(gguf, folder / "tiny.gguf")

    return Incoming(name=name, source="upload", fill=fill, check=allow)


@pytest.mark.parametrize("where", ["filled", "checked", "verifying", "write_manifest", "swap_in"])
def test_a_killed_arrival_leaves_no_model_and_can_be_done_again(
    store: ModelStore, gguf: Path, tmp_path: Path, where: str
) -> None:
    script = DYING.replace("ModelStore, landing", "ModelStore")
    command = [sys.executable, "-c", script, str(tmp_path / "home"), str(gguf), where, NAME]
    killed = subprocess.run(command, capture_output=True, timeout=60, check=False)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert store.find(NAME) is None
    assert list(store.list()) == []

    adopted = store.adopt(incoming(gguf))

    assert store.find(NAME) == adopted
    assert adopted.path.read_bytes() == gguf.read_bytes()
    assert not (store.root / ".partial" / "me" / "tiny").exists()


def test_what_is_refused_leaves_the_old_weights(
    store: ModelStore, gguf: Path, tmp_path: Path
) -> None:
    old = store.adopt(incoming(gguf))
    (tmp_path / "broken").write_bytes(gguf.read_bytes()[:100])

    with pytest.raises(InvalidRequest):
        store.adopt(incoming(tmp_path / "broken"))

    assert store.find(NAME) == old


def test_forms_of_replaced_weights_are_not_taken_for_the_new_ones(
    store: ModelStore, gguf: Path, tmp_path: Path
) -> None:
    store.prepare(store.adopt(incoming(gguf)), "Q8_0")
    before = store.variants(NAME)
    write_gguf(tmp_path / "other.gguf", seed=7)
    store.adopt(incoming(tmp_path / "other.gguf"))

    assert [each.manifest.form for each in before] == ["Q8_0"]
    assert store.variants(NAME) == []


def test_a_model_that_is_worked_on_is_not_waited_for(store: ModelStore, gguf: Path) -> None:
    def meddle(_: Path, __: Inspection) -> None:
        with pytest.raises(Unavailable, match="worked on"):
            store.remove(NAME)
        with pytest.raises(Unavailable, match="worked on"):
            store.set_public(NAME, is_public=True)

    meddled = Incoming(name=NAME, source="upload", fill=incoming(gguf).fill, check=meddle)

    assert store.adopt(meddled) == store.find(NAME)


def test_removing_takes_everything_and_says_whether_there_was_any(
    store: ModelStore, gguf: Path
) -> None:
    store.prepare(store.adopt(incoming(gguf)), "Q8_0")

    assert store.remove(NAME) is True
    assert store.remove(NAME) is False
    assert list(store.root.rglob("*.gguf")) == []
