"""`hearth migrate`: looking changes nothing, doing brings the schema up to date."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from hearth.errors import SetupError
from hearth.kit.db import Database
from hearth.migrations import HEAD, is_current
from hearth.migrations.history import every_change, pending
from tests.cli.operating import run


def test_looking_at_a_new_home_makes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    checked = run(home, "migrate", "--check")

    assert checked.exit_code == 1
    assert "0001  Version rows; accounts, users and API keys." in checked.stdout
    assert "run `hearth migrate`" in checked.stderr
    assert not home.exists()


def test_what_is_missing_is_told_and_made(empty_url: str, tmp_path: Path) -> None:
    missing = run(tmp_path, "migrate", "--check", database_url=empty_url)
    done = run(tmp_path, "migrate", database_url=empty_url)
    checked = run(tmp_path, "migrate", "--check", database_url=empty_url)

    assert missing.exit_code == 1
    assert missing.stdout.splitlines()[-1].startswith(HEAD)
    assert done.stdout.splitlines()[:-1] == missing.stdout.splitlines()
    assert (checked.exit_code, checked.stdout) == (0, "The database is up to date.\n")


async def test_only_later_changes_are_missing(db: Database) -> None:
    history = every_change()
    async with db.write() as conn:
        await conn.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    try:
        assert await pending(db) == history[1:]
        assert not await is_current(db)
    finally:
        async with db.write() as conn:
            await conn.execute(text(f"UPDATE alembic_version SET version_num = '{HEAD}'"))


async def test_a_database_of_a_newer_hearth_is_left_alone(db: Database) -> None:
    async with db.write() as conn:
        await conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        with pytest.raises(SetupError, match="a newer one wrote it"):
            await pending(db)
    finally:
        async with db.write() as conn:
            await conn.execute(text(f"UPDATE alembic_version SET version_num = '{HEAD}'"))
