"""Backups of a Hearth that serves, brought back elsewhere, and backups that are none."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from hearth.errors import SetupError
from hearth.kit.db import Database
from hearth.kit.home import take_home
from hearth.kit.secret_keys import load_sealer
from hearth.metering.ledger import apply
from hearth.metering.types import Entry
from tests.cli.operating import run
from tests.e2e.commands import hearth_command
from tests.metering.records import begin, settle
from tests.postgres import Postgres
from tests.running import RunningHearth, running_hearth

MODEL = "accounts/fireworks/models/smollm2-135m-instruct"
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4}


@contextmanager
def busy(hearth: RunningHearth) -> Iterator[list[str]]:
    """Clients that ask all the time; the ids of the answers that they have got, in order."""
    answered: list[str] = []
    is_over = threading.Event()

    def ask() -> None:
        with hearth.client() as api:
            while not is_over.is_set():
                try:
                    answer = api.post("/chat/completions", json=CHAT)
                except httpx.TransportError:
                    return  # killed
                if answer.status_code == 200:
                    answered.append(answer.headers["x-request-id"])

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for client in clients:
        client.start()
    try:
        yield answered
    finally:
        is_over.set()
        for client in clients:
            client.join(30)


def settled_ids(home: Path) -> set[str]:
    with closing(sqlite3.connect(home / "state.db")) as conn:
        return {row[0] for row in conn.execute("SELECT request_id FROM usage_events")}


def fill_ledger(url: str) -> None:
    async def fill() -> None:
        db = Database(url)
        await db.open()
        await apply(db, "gateway-1", [Entry(begin(n), settle(n)) for n in range(50)])
        await db.close()

    asyncio.run(fill())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a ledger, a sealed secret, an object, weights and things of one run."""
    home = tmp_path / "home"
    run(home, "migrate")
    home.chmod(0o700)
    fill_ledger(f"sqlite:///{home}/state.db")
    (home / "sealed").write_bytes(load_sealer(home).seal(b"hunter2", name="s"))
    (home / "objects" / "datasets").mkdir(parents=True)
    (home / "objects" / "datasets" / "rows.jsonl").write_bytes(os.urandom(300_000))
    (home / "models" / "m").mkdir(parents=True)
    (home / "models" / "m" / "weights.gguf").write_bytes(b"weights")
    (home / "journal" / "gateway-9").mkdir(parents=True)
    (home / "journal" / "gateway-9" / "000001.log").write_bytes(bytes(100))
    (home / "remotes.json").write_text("{}")
    (home / "lock").touch()
    (home / "run").symlink_to("/tmp")
    return home


@pytest.fixture
def file(home: Path, tmp_path: Path) -> Path:
    file = tmp_path / "hearth.tar"
    run(home, "backup", str(file))
    return file


def test_a_backup_of_a_busy_hearth_serves_elsewhere_with_the_same_books_and_keys(
    tmp_path: Path,
) -> None:
    file, elsewhere = tmp_path / "hearth.tar", tmp_path / "elsewhere"
    with running_hearth(tmp_path / "home") as hearth:
        with busy(hearth) as answered:
            while len(answered) < 20:
                assert hearth.process.poll() is None
            before = list(answered)
            made = run(hearth.home, "backup", str(file))
            hearth.kill()
        key = hearth.credentials["api_key"]
    assert made.exit_code == 0, made.output
    restored = run(elsewhere, "restore", str(file))
    assert "Its books agree" in restored.stdout
    shutil.rmtree(tmp_path / "home")

    with running_hearth(elsewhere) as again, again.client(key=key) as api:
        assert api.post("/chat/completions", json=CHAT).status_code == 200
    assert set(before) <= settled_ids(elsewhere)
    verified = hearth_command(elsewhere, "ledger", "verify")
    assert verified.returncode == 0, verified.stderr
    assert "every sum is what they add up to" in verified.stdout


def test_a_backup_is_for_its_owner_alone_and_holds_what_matters(home: Path, file: Path) -> None:
    with tarfile.open(file) as tar:
        names = tar.getnames()

    assert file.stat().st_mode & 0o777 == 0o600
    assert names == [  # journals first: what they lose meanwhile, the database has
        "home/journal/gateway-9/000001.log",
        "database",
        "home/objects/datasets/rows.jsonl",
        "home/remotes.json",
        "home/sealed",
        "home/secret.key",
        "manifest.json",
    ]
    assert [path.name for path in file.parent.iterdir() if "backup" in path.name] == []


def test_everything_comes_back(home: Path, file: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    done = run(new, "restore", str(file))

    assert "Its books agree: 50 rows." in done.stdout
    assert settled_ids(new) == settled_ids(home)
    rows = "objects/datasets/rows.jsonl"
    assert (new / rows).read_bytes() == (home / rows).read_bytes()
    assert load_sealer(new).open((new / "sealed").read_bytes(), name="s") == b"hunter2"
    assert (new / "journal" / "gateway-9" / "000001.log").read_bytes() == bytes(100)
    assert new.stat().st_mode & 0o777 == 0o700
    assert not (new / "models").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_weights_are_added_when_wanted_and_kept_when_replaced(
    home: Path, file: Path, tmp_path: Path
) -> None:
    full = tmp_path / "full.tar"
    run(home, "backup", "--with-models", str(full))
    run(tmp_path / "new", "restore", str(full))
    replaced = run(home, "restore", "--replace", str(file))
    (aside,) = tmp_path.glob("home.before-*")

    assert (tmp_path / "new" / "models" / "m" / "weights.gguf").read_bytes() == b"weights"
    assert (home / "models" / "m" / "weights.gguf").read_bytes() == b"weights"
    assert str(aside) in replaced.stdout
    assert settled_ids(aside) == settled_ids(home)


def test_a_home_that_holds_something_is_not_touched_unasked(home: Path, file: Path) -> None:
    before = sorted(path.name for path in home.iterdir())

    with pytest.raises(SetupError, match="is not empty: --replace"):
        run(home, "restore", str(file))
    assert sorted(path.name for path in home.iterdir()) == before


def test_a_home_in_use_is_not_replaced(home: Path, file: Path) -> None:
    lock = take_home(home)
    try:
        with pytest.raises(SetupError, match="Another Hearth uses"):
            run(home, "restore", "--replace", str(file))
    finally:
        os.close(lock)


def _cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size * 2 // 3)


def _without_manifest(file: Path) -> None:
    with tarfile.open(file) as tar:
        (at,) = (info.offset for info in tar if info.name == "manifest.json")
    os.truncate(file, at)


def _flip(file: Path) -> None:
    with tarfile.open(file) as tar:
        (at,) = (info.offset_data for info in tar if info.name.endswith("rows.jsonl"))
    with file.open("r+b") as opened:
        opened.seek(at + 1000)
        byte = opened.read(1)
        opened.seek(at + 1000)
        opened.write(bytes([byte[0] ^ 1]))


def _climb(file: Path) -> None:
    with tarfile.open(file, "w") as tar:
        tar.addfile(tarfile.TarInfo("../outside"))


def _link(file: Path) -> None:
    info = tarfile.TarInfo("home/link")
    info.type, info.linkname = tarfile.SYMTYPE, "/etc"
    with tarfile.open(file, "w") as tar:
        tar.addfile(info)


def _rubbish(file: Path) -> None:
    file.write_bytes(os.urandom(5000))


@pytest.mark.parametrize("spoil", [_cut, _without_manifest, _flip, _climb, _link, _rubbish])
def test_a_spoilt_backup_changes_nothing(
    home: Path, file: Path, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(file)
    before = sorted(path.name for path in home.iterdir())

    with pytest.raises(SetupError):
        run(home, "restore", "--replace", str(file))
    assert sorted(path.name for path in home.iterdir()) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hearth.tar", "home"]


def test_a_file_is_never_overwritten_nor_left_half(home: Path, file: Path) -> None:
    content = file.read_bytes()

    with pytest.raises(SetupError, match="exists already"):
        run(home, "backup", str(file))
    with pytest.raises(SetupError, match="lies in the home"):
        run(home, "backup", str(home / "inside.tar"))
    with pytest.raises(SetupError, match="There is no Hearth"):
        run(home.parent / "nowhere", "backup", str(file.with_name("other.tar")))
    assert file.read_bytes() == content
    assert sorted(path.name for path in home.parent.iterdir()) == ["hearth.tar", "home"]


def test_postgresql_is_dumped_and_filled_in_one_piece(postgres: Postgres, tmp_path: Path) -> None:
    for name in ("backed_up", "brought_back"):
        postgres.run(f"CREATE DATABASE {name} TEMPLATE template0")
    home, new = tmp_path / "home", tmp_path / "new"
    source, target = postgres.url("backed_up"), postgres.url("brought_back")
    run(home, "migrate", database_url=source)
    home.mkdir(mode=0o700)
    fill_ledger(source)
    file = tmp_path / "hearth.tar"
    run(home, "backup", str(file), database_url=source)

    done = run(new, "restore", str(file), database_url=target)
    with pytest.raises(SetupError, match="has tables already"):
        run(tmp_path / "third", "restore", str(file), database_url=target)
    replaced = run(tmp_path / "third", "restore", "--replace", str(file), database_url=target)
    with pytest.raises(SetupError, match="names sqlite"):
        run(tmp_path / "fourth", "restore", str(file))

    assert "Its books agree: 50 rows." in done.stdout
    assert "Its books agree: 50 rows." in replaced.stdout


def test_a_missing_tool_of_postgresql_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    tmp_path.joinpath("home").mkdir()
    url = "postgresql://ann:hunter2@127.0.0.1:1/hearth"

    with pytest.raises(SetupError, match="pg_dump is not installed") as refused:
        run(tmp_path / "home", "backup", str(tmp_path / "f.tar"), database_url=url)
    assert "hunter2" not in str(refused.value)
