"""A home without settings, a world to talk to, and a real Hearth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.firectl.terminal import ACCOUNT, KEY, World, running_world
from tests.running import RunningHearth, running_hearth


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, and an environment that says nothing."""
    for name in ("FIREWORKS_API_KEY", "FIREWORKS_ACCOUNT_ID", "FIREWORKS_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HEARTH_HOME", str(tmp_path / "no-hearth"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def world(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A server that answers as told; the environment points at it."""
    with running_world() as running:
        monkeypatch.setenv("FIREWORKS_BASE_URL", running.url)
        monkeypatch.setenv("FIREWORKS_API_KEY", KEY)
        monkeypatch.setenv("FIREWORKS_ACCOUNT_ID", ACCOUNT)
        yield running


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    """A Hearth as `make up` starts it, with the fake engine."""
    with running_hearth(tmp_path_factory.mktemp("firectl")) as hearth:
        yield hearth


@pytest.fixture
def hearth(home: Path, running: RunningHearth, monkeypatch: pytest.MonkeyPatch) -> RunningHearth:
    """The same, found as on a developer's machine: by what it left in its home."""
    monkeypatch.setenv("HEARTH_HOME", str(running.home))
    return running
