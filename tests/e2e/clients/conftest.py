"""The clients' environments, each made when first needed, and what the clients talk to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.clients.environments import (
    ANTHROPIC,
    FIREWORKS,
    FIREWORKS_OLD,
    NODE,
    OPENAI,
    Environment,
    environment,
)
from tests.e2e.commands import hearth_command
from tests.engines.models import smollm2_path
from tests.running import RunningHearth, running_hearth


@pytest.fixture(scope="session")
def openai_environment() -> Environment:
    """Holds `openai` from PyPI and nothing of ours."""
    return environment(OPENAI)


@pytest.fixture(scope="session")
def anthropic_environment() -> Environment:
    """Holds `anthropic` from PyPI."""
    return environment(ANTHROPIC)


@pytest.fixture(scope="session")
def fireworks_environment() -> Environment:
    """Holds `fireworks-ai` 1.2."""
    return environment(FIREWORKS)


@pytest.fixture(scope="session")
def old_fireworks_environment() -> Environment:
    """Holds `fireworks-ai` 0.19, whose pins fit beside nothing else."""
    return environment(FIREWORKS_OLD)


@pytest.fixture(scope="session")
def node_environment() -> Environment:
    """Holds `openai` from npm."""
    return environment(NODE)


@pytest.fixture(scope="session")
def hearth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    """A Hearth with the fake engine, whose answers repeat."""
    with running_hearth(tmp_path_factory.mktemp("hearth")) as running:
        yield running


@pytest.fixture(scope="session")
def real_hearth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    """A Hearth with SmolLM2 and all-MiniLM-L6-v2, as a user has it after the first start."""
    home = tmp_path_factory.mktemp("real")
    chat = [f"file:{smollm2_path()}", "--as", "smollm2-135m-instruct", "--account", "fireworks"]
    for arguments in (chat, ["all-minilm-l6-v2"]):
        pulled = hearth_command(home, "pull", *arguments)
        assert pulled.returncode == 0, pulled.stderr
    options = {"engine_threads": "1", "engine_slots": "2", "engine_context_tokens": "1024"}
    with running_hearth(home, engine="auto", **options) as running:
        yield running
