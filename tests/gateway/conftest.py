"""One Hearth with the fake engine for all gateway tests; none of them changes its state."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.commands import hearth_command
from tests.engines.models import write_tiny_model
from tests.running import RunningHearth, running_hearth


@pytest.fixture(scope="session")
def hearth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    with running_hearth(tmp_path_factory.mktemp("hearth")) as running:
        yield running


@pytest.fixture(scope="session")
def api(hearth: RunningHearth) -> Iterator[httpx.Client]:
    with hearth.client() as client:
        yield client


@pytest.fixture(scope="session")
def vectors_hearth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    """One with all-MiniLM-L6-v2; its chat model is a random one of a few kilobytes."""
    home = tmp_path_factory.mktemp("vectors")
    tiny = write_tiny_model(home / "tiny.gguf")
    chat = [f"file:{tiny}", "--as", "smollm2-135m-instruct", "--account", "fireworks"]
    for arguments in (chat, ["all-minilm-l6-v2"]):
        pulled = hearth_command(home, "pull", *arguments)
        assert pulled.returncode == 0, pulled.stderr
    sizes = {"engine_threads": "1", "engine_slots": "2", "engine_context_tokens": "512"}
    with running_hearth(home, engine="auto", **sizes) as running:
        yield running


@pytest.fixture(scope="session")
def real_api(vectors_hearth: RunningHearth) -> Iterator[httpx.Client]:
    with vectors_hearth.client() as client:
        yield client
