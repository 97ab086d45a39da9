"""`hearth doctor`: what it finds of machines and homes, good and bad, and what it says to do."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from time import perf_counter

import pytest

from hearth.cli.doctor import machine, network, software, state
from hearth.cli.doctor.findings import Finding, Level
from hearth.kit.home import take_home
from hearth.settings import Settings
from tests.cli.operating import run

NAMES = [
    "cores", "memory", "disk", "open files", "clock", "localhost", "python", "libraries", "gpu",
    "sandbox", "home", "database", "objects", "secret key", "models", "port", "tls",
]  # fmt: skip


def findings(home: Path, **settings: str) -> tuple[int, dict[str, dict[str, str]]]:
    done = run(home, "doctor", "-o", "json", **settings)
    body = json.loads(done.stdout)
    assert body["healthy"] == (done.exit_code == 0)
    return done.exit_code, {each["name"]: each for each in body["findings"]}


def test_a_new_home_is_looked_at_without_making_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    start_s = perf_counter()
    _, found = findings(home, port="18686")
    took_s = perf_counter() - start_s

    assert list(found) == NAMES
    assert not home.exists()
    assert took_s < 10  # 3 s on a quiet machine; others test here at the same time
    for name in ("python", "home", "database", "objects", "tls"):
        assert found[name]["level"] == "ok", found[name]
    assert found["libraries"]["level"] != "fail", found["libraries"]
    assert "hearth pull" in found["models"]["remedy"]


def test_everything_but_ok_says_what_to_do(tmp_path: Path) -> None:
    _, found = findings(tmp_path)

    for each in found.values():
        assert (each["level"] == "ok") == ("remedy" not in each)


def test_text_has_a_line_for_each_and_the_remedy_below(tmp_path: Path) -> None:
    done = run(tmp_path / "home", "doctor")
    lines = done.stdout.splitlines()

    assert lines[0].startswith("ok    cores") or lines[0].startswith("warn  cores")
    (at,) = (n for n, line in enumerate(lines) if line.startswith("warn  models"))
    assert "hearth pull" in lines[at + 1]


def test_a_state_that_is_in_use_is_looked_at(tmp_path: Path) -> None:
    run(tmp_path, "migrate")
    tmp_path.chmod(0o700)
    lock = take_home(tmp_path)
    (tmp_path / "objects").mkdir()
    code, found = findings(tmp_path)

    assert found["lock"]["says"].startswith("held by process ")
    assert [found[name]["level"] for name in ("home", "database", "schema", "objects")] == [
        "ok"
    ] * 4
    assert list((tmp_path / "objects").rglob("*")) == []
    assert lock > 0
    assert code in (0, 1)


def test_a_home_open_to_others_names_its_secrets(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "secret.key").write_text("hunter2")
    (tmp_path / "secret.key").chmod(0o644)
    told, _ = state.home(tmp_path)

    assert told.level is Level.WARN
    assert "with secret.key" in told.says
    assert "chmod -R go=" in told.remedy
    assert "hunter2" not in told.says + told.remedy


def test_a_database_that_does_not_answer_is_told_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://ann:hunter2@127.0.0.1:1/hearth"
    code, found = findings(tmp_path, database_url=url)

    assert (code, found["database"]["level"]) == (1, "fail")
    assert "HEARTH_DATABASE_URL" in found["database"]["remedy"]
    assert "hunter2" not in str(found)


def test_an_object_store_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    code, found = findings(tmp_path, objects_url=f"file://{tmp_path}/file/objects")

    assert (code, found["objects"]["level"]) == (1, "fail")
    assert "HEARTH_OBJECTS_URL" in found["objects"]["remedy"]


def test_a_missing_schema_is_told(tmp_path: Path) -> None:
    (tmp_path / "state.db").touch()
    _, found = findings(tmp_path)

    assert found["schema"]["level"] == "warn"
    assert "hearth migrate" in found["schema"]["remedy"]


def test_a_taken_port_is_the_running_hearths_or_a_fault() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        number = other.getsockname()[1]
        stranger = network.port("127.0.0.1", number, None)
        ours = network.port("127.0.0.1", number, 4711)

    assert (stranger.level, ours.level) == (Level.FAIL, Level.OK)
    assert "HEARTH_PORT" in stranger.remedy
    assert network.port("nowhere.invalid", 1, None).level is Level.FAIL


@pytest.mark.parametrize(
    ("finding", "level"),
    [
        (machine.judge_memory(0.2, 8), Level.FAIL),
        (machine.judge_memory(1, 8), Level.WARN),
        (machine.judge_memory(6, 8), Level.OK),
        (machine.judge_room(0.1), Level.FAIL),
        (machine.judge_room(2), Level.WARN),
        (machine.judge_room(100), Level.OK),
        (machine.judge_speed(10, 1), Level.WARN),
        (machine.judge_speed(500, 80), Level.WARN),
        (machine.judge_speed(500, 1), Level.OK),
        (machine.judge_files(64), Level.FAIL),
        (machine.judge_files(1024), Level.WARN),
        (machine.judge_files(-1), Level.OK),
        (machine.judge_clock(0, 1e9, is_synchronised=True), Level.FAIL),
        (machine.judge_clock(2e9, 1e9, is_synchronised=False), Level.OK),
    ],
)
def test_measures_are_judged(finding: Finding, level: Level) -> None:
    assert finding.level is level
    assert bool(finding.remedy) == (level is not Level.OK)


def test_a_library_that_breaks_or_kills_its_process_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xllamacpp.py").write_text("raise OSError('no such instruction set')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    broken = software.libraries(limit_s=60)
    (tmp_path / "xllamacpp.py").write_text("import os; os.abort()")
    killed = software.libraries(limit_s=60)

    assert (broken.level, killed.level) == (Level.FAIL, Level.FAIL)
    assert "xllamacpp (OSError: no such instruction set)" in broken.says
    assert "xllamacpp (importing it ends the process" in killed.says


def test_certificates_are_read(tmp_path: Path) -> None:
    told = network.tls(str(tmp_path / "none.pem"), str(tmp_path / "none.key"))

    assert (told.level, network.tls("", "").level) == (Level.FAIL, Level.OK)


def test_a_spoilt_key_of_secrets_is_told_and_not_shown(tmp_path: Path) -> None:
    told = state.sealing_keys(Settings(home=str(tmp_path), secret_key="hunter2"))

    assert told.level is Level.FAIL
    assert "openssl rand" in told.remedy
    assert "hunter2" not in told.says + told.remedy
    assert state.sealing_keys(Settings(home=str(tmp_path))).level is Level.OK
    assert not list(tmp_path.iterdir())


def test_the_models_check_knows_names_that_are_in_no_catalogue(tmp_path: Path) -> None:
    told = state.models(Settings(home=str(tmp_path), default_model="accounts/x/models/none"))

    assert told.level is Level.FAIL
