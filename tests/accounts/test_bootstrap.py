"""The first start: a key is there, stays, and a kill at any moment is made good by the next."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hearth.accounts import (
    AccountService,
    Credentials,
    KeySnapshot,
    Role,
    bootstrap,
    read_credentials,
)
from hearth.errors import NotFound, SetupError
from hearth.kit.db import Database
from hearth.kit.pages import ListQuery

URL = "http://127.0.0.1:8686"
LIMIT_S = 60

KILL_ONCE_AT_EACH_LINE = """
import asyncio, os, signal, sys, threading
from pathlib import Path
from hearth import accounts
from hearth.kit.db import Database

url, home, step = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
inside = str(Path(accounts.__file__).parent)

async def start(fatal_line):
    lines_left = fatal_line

    def trace(frame, event, _):
        nonlocal lines_left
        if not frame.f_code.co_filename.startswith(inside):
            return None
        lines_left -= event == "line"
        if lines_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    db = Database(url)
    await db.open()
    threading.settrace(trace)
    sys.settrace(trace)
    await accounts.bootstrap(accounts.AccountService(db), home, "dev", "http://127.0.0.1:8686")
    os._exit(0)

for num_killed in range(1000):
    if num_killed % 2:  # so that half of the rounds have the file to write
        (home / "credentials.json").unlink(missing_ok=True)
    if (child := os.fork()) == 0:
        asyncio.run(start(1 + num_killed * step))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != -signal.SIGKILL:
        print(num_killed)
        sys.exit(status)
"""


async def start(db: Database, home: Path) -> Credentials:
    credentials = await bootstrap(AccountService(db), home, "dev", URL)
    assert credentials is not None
    return credentials


async def opens(db: Database, key: str) -> bool:
    keys = KeySnapshot(db)
    await keys.refresh()
    return keys.authenticate(key).role is Role.ADMIN


async def test_the_first_start_leaves_a_key_for_its_owner_only(
    db: Database, tmp_path: Path
) -> None:
    made = await start(db, tmp_path / "home")

    assert read_credentials(tmp_path / "home") == made
    assert (made.account_id, made.user_id, made.base_url) == ("dev", "dev", URL)
    assert await opens(db, made.api_key)
    assert (tmp_path / "home" / "credentials.json").stat().st_mode & 0o777 == 0o600
    assert made.api_key not in repr(made)


async def test_later_starts_keep_the_key_and_follow_the_address(
    db: Database, tmp_path: Path
) -> None:
    first = await start(db, tmp_path)
    second = await bootstrap(AccountService(db), tmp_path, "dev", "http://127.0.0.1:9000")

    assert second is not None
    assert second.api_key == first.api_key
    assert read_credentials(tmp_path).base_url == "http://127.0.0.1:9000"
    page = await AccountService(db).keys.list("dev", "dev", ListQuery())
    assert page.total_size == 1


@pytest.mark.parametrize("damage", ["gone", "not JSON", "empty", "unknown key", "ended key"])
async def test_a_lost_or_useless_key_is_replaced(db: Database, tmp_path: Path, damage: str) -> None:
    first = await start(db, tmp_path)
    path = tmp_path / "credentials.json"
    if damage == "gone":
        path.unlink()
    elif damage == "ended key":
        keys = AccountService(db).keys
        page = await keys.list("dev", "dev", ListQuery())
        await keys.disable("dev", "dev", page.items[0].key_id)
    else:
        unknown = path.read_text().replace(first.api_key, "fw_unknown")
        path.write_text({"not JSON": "{", "empty": "", "unknown key": unknown}[damage])

    second = await start(db, tmp_path)

    assert second.api_key != first.api_key
    assert read_credentials(tmp_path) == second
    assert await opens(db, second.api_key)


async def test_production_owns_the_catalogue_and_makes_no_key(db: Database, tmp_path: Path) -> None:
    service = AccountService(db)

    assert await bootstrap(service, tmp_path, "production", URL) is None
    assert await bootstrap(service, tmp_path, "production", URL) is None

    assert (await service.get_account("fireworks")).name == "accounts/fireworks"
    assert os.listdir(tmp_path) == [] or db.dialect == "sqlite"
    with pytest.raises(NotFound):
        await service.get_account("dev")


@pytest.mark.parametrize("step", [9, pytest.param(1, marks=pytest.mark.slow)])
async def test_a_kill_at_any_moment_is_made_good_by_the_next_start(
    db: Database, db_url: str, tmp_path: Path, step: int
) -> None:
    """Each round is killed some lines later than the one before, until one comes through."""
    home = tmp_path / "home"
    command = [sys.executable, "-c", KILL_ONCE_AT_EACH_LINE, db_url, str(home), str(step)]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 100 // step
    assert await opens(db, read_credentials(home).api_key)


async def test_starts_at_once_end_with_a_key_that_works(db: Database, tmp_path: Path) -> None:
    await asyncio.gather(*(start(db, tmp_path) for _ in range(4)))

    assert await opens(db, read_credentials(tmp_path).api_key)


async def test_an_unwritable_home_is_a_setup_error(db: Database, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("in the way")

    with pytest.raises(SetupError, match=r"Cannot write .*credentials.json: .*HEARTH_HOME"):
        await start(db, tmp_path / "home")


def test_missing_credentials_name_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="hearth up"):
        read_credentials(tmp_path)
