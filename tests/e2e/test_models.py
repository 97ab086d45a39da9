"""Models that come while Hearth runs, one that cannot start, and what production will not do."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.e2e.commands import hearth_command
from tests.engines.models import write_tiny_model
from tests.gateway.test_chat import ASK
from tests.running import RunningHearth, running_hearth

DEFAULT = "accounts/fireworks/models/smollm2-135m-instruct"
BIG = "accounts/fireworks/models/llama-v3p1-405b-instruct"
SMALL = {"engine_threads": "1", "engine_slots": "2", "engine_context_tokens": "512"}
LIMIT_S = 60.0


def pull(home: Path, source: Path, *arguments: str) -> None:
    done = hearth_command(home, "pull", f"file:{source}", *arguments)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose default model is a tiny one."""
    home = tmp_path_factory.mktemp("home")
    tiny = write_tiny_model(home / "default.gguf", seed=1)
    pull(home, tiny, "--as", DEFAULT.rpartition("/")[2], "--account", "fireworks")
    return home


@pytest.fixture(scope="module")
def hearth(home: Path) -> Iterator[RunningHearth]:
    with running_hearth(home, engine="auto", **SMALL) as running:
        yield running


def ask(hearth: RunningHearth, model: str, *, key: str | None = None) -> httpx.Response:
    with hearth.client(key=key) as api:
        return api.post("/chat/completions", json=ASK | {"model": model}, timeout=LIMIT_S)


def write_unloadable(path: Path) -> Path:
    """A model whose header is in order, and which lacks a tensor."""
    content = write_tiny_model(path).read_bytes()
    assert content.count(b"blk.1.ffn_down.weight") == 1
    path.write_bytes(content.replace(b"blk.1.ffn_down.weight", b"blk.1.ffn_away.weight"))
    return path


def test_a_model_pulled_beside_it_is_loaded_by_its_first_request(
    hearth: RunningHearth, tmp_path: Path
) -> None:
    assert ask(hearth, "tiny").status_code == 404
    pull(hearth.home, write_tiny_model(tmp_path / "x.gguf", seed=2), "--as", "tiny")
    (before,) = hearth.worker_pids()

    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda name: ask(hearth, name), ["tiny", DEFAULT, "tiny"]))

    assert [answer.status_code for answer in answers] == [200] * 3, answers[0].text
    served_by = [answer.headers.get("x-hearth-served-by") for answer in answers]
    assert served_by[0] == served_by[2] == "accounts/dev/models/tiny"
    assert served_by[1] == DEFAULT
    texts = [answer.json()["choices"][0]["message"]["content"] for answer in answers]
    assert texts[0] != texts[1]
    assert len(hearth.worker_pids()) == 2
    assert before in hearth.worker_pids()


def test_a_model_whose_engine_cannot_start_is_503_with_the_reason_until_it_is_mended(
    hearth: RunningHearth, tmp_path: Path
) -> None:
    pull(hearth.home, write_unloadable(tmp_path / "broken.gguf"), "--as", "broken")

    refused = [ask(hearth, "broken") for _ in range(2)]

    for response in refused:
        assert response.status_code == 503
        error = response.json()["error"]
        assert "accounts/dev/models/broken cannot start" in error["message"]
        assert "exited with status" not in error["message"]
        assert "retry-after" in response.headers
    assert ask(hearth, DEFAULT).status_code == 200

    pull(hearth.home, write_tiny_model(tmp_path / "whole.gguf"), "--as", "broken", "--replace")
    deadline = time.monotonic() + LIMIT_S
    while ask(hearth, "broken").status_code != 200:  # a failed start is tried again after a while
        assert time.monotonic() < deadline


def test_production_has_no_key_of_its_own_and_no_stand_ins(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "models", tmp_path / "models")
    with running_hearth(tmp_path, engine="auto", profile="production", **SMALL) as hearth:
        assert not (tmp_path / "credentials.json").exists()
        assert "`hearth keys create`" in "".join(hearth.output)
        assert ask(hearth, DEFAULT, key="").status_code == 401
        made = hearth_command(tmp_path, "keys", "create")
        key = made.stdout.strip()
        deadline = time.monotonic() + LIMIT_S
        while (answer := ask(hearth, DEFAULT, key=key)).status_code == 401:
            assert time.monotonic() < deadline  # the gateway looks for new keys now and then

        missing = ask(hearth, BIG, key=key)

    assert answer.status_code == 200
    assert missing.status_code == 404
    error = missing.json()["error"]
    assert error["message"] == "Model not found, inaccessible, and/or not deployed"
    assert BIG in error["details"]
    assert "hearth pull" in error["details"]
