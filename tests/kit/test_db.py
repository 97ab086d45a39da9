"""The database: one writer at a time, reads that cannot write, and errors a person can act on."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from hearth.errors import SetupError, Unavailable
from hearth.kit.db import Connection, Database
from hearth.kit.versions import bump, read_versions, versions
from tests.postgres import Postgres

LIMIT_S = 30

HOLD_THE_WRITE = """
import asyncio, sys
from hearth.kit.db import Database
from hearth.kit.versions import bump

async def main():
    db = Database(sys.argv[1])
    await db.open()
    async with db.write() as conn:
        await bump(conn, "theirs")
        print("writing", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
    print("committed", flush=True)
    await db.close()

asyncio.run(main())
"""


async def count_versions(conn: Connection) -> int:
    counted = await conn.execute(select(func.count()).select_from(versions))
    return counted.scalar_one()


async def test_a_block_that_raises_writes_nothing(db: Database) -> None:
    async def fail() -> None:
        async with db.write() as conn:
            await bump(conn, "keys")
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - the one raised above
        await fail()

    assert await read_versions(db) == {}


BREAK = {
    "postgresql": ["SELECT pg_terminate_backend(pg_backend_pid())"],
    "sqlite": ["PRAGMA max_page_count = 1", "CREATE TABLE big AS SELECT zeroblob(1000000)"],
}
"As a killed server and a full disk do."


GO_AWAY: dict[str, list[Literal["read", "write"]]] = {
    "postgresql": ["read", "write"],
    "sqlite": ["write"],  # what reads a file that is open goes on
}


async def test_a_database_that_goes_away_in_a_transaction_is_unavailable(db: Database) -> None:
    async def go_away(kind: Literal["read", "write"]) -> None:
        async with db.read() if kind == "read" else db.write() as conn:
            for statement in BREAK[db.dialect]:
                await conn.execute(text(statement))

    for kind in GO_AWAY[db.dialect]:
        with pytest.raises(Unavailable, match="does not answer"):
            await go_away(kind)

    assert await read_versions(db) == {}


async def test_a_fault_in_a_statement_is_not_taken_for_an_outage(db: Database) -> None:
    async def ask_nonsense() -> None:
        async with db.read() as conn:
            await conn.execute(text("SELECT 1 FROM nothing_here"))

    with pytest.raises(DBAPIError):
        await ask_nonsense()


async def test_a_reading_transaction_refuses_to_write(db: Database) -> None:
    async with db.read() as conn:
        with pytest.raises(Exception, match=r"read-?only"):
            await bump(conn, "keys")

    assert await read_versions(db) == {}


async def test_a_read_sees_one_state_while_others_write(db: Database) -> None:
    async with db.read() as conn:
        before = await count_versions(conn)
        async with db.write() as writer:
            await bump(writer, "keys")
        after = await count_versions(conn)

    assert before == after == 0
    assert await read_versions(db) == {"keys": 1}


async def test_writers_at_once_all_succeed_and_none_is_lost(db: Database) -> None:
    async def add_one() -> None:
        async with db.write() as conn:
            await bump(conn, "keys")

    async with asyncio.timeout(LIMIT_S):
        await asyncio.gather(*(add_one() for _ in range(50)))

    assert await read_versions(db) == {"keys": 50}


async def test_a_writer_cancelled_midway_leaves_the_turn_to_the_next(db: Database) -> None:
    writing = asyncio.Event()

    async def never_ends() -> None:
        async with db.write() as conn:
            await bump(conn, "cancelled")
            writing.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(never_ends())
    await writing.wait()
    task.cancel()
    async with asyncio.timeout(LIMIT_S), db.write() as conn:
        await bump(conn, "next")

    assert await read_versions(db) == {"next": 1}


async def test_a_writer_in_another_process_is_waited_for(db: Database, db_url: str) -> None:
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD_THE_WRITE, db_url,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert other.stdout is not None

    async def write_ours() -> dict[str, int]:
        async with db.write() as conn:
            await bump(conn, "theirs")
        return await read_versions(db)

    async with asyncio.timeout(LIMIT_S):
        assert await other.stdout.readline() == b"writing\n"
        ours = asyncio.create_task(write_ours())
        # Nothing announces that a writer has begun to wait; that it is not done is what counts.
        done, _ = await asyncio.wait([ours], timeout=0.3)
        assert not done
        await other.communicate(b"go\n")
        assert await ours == {"theirs": 2}
    assert other.returncode == 0


def test_processes_starting_at_once_migrate_once(empty_url: str) -> None:
    start = (
        "import asyncio, sys\n"
        "from hearth.kit.db import Database\n"
        "from hearth.migrations import migrate\n"
        "async def main():\n"
        "    db = Database(sys.argv[1])\n"
        "    await db.open()\n"
        "    await migrate(db)\n"
        "    await db.close()\n"
        "asyncio.run(main())\n"
    )

    processes = [
        subprocess.Popen([sys.executable, "-c", start, empty_url], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    errors = [process.communicate(timeout=LIMIT_S)[1].decode() for process in processes]

    assert [process.returncode for process in processes] == [0] * 4, errors


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "mysql://u:s3cret@host/db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:////var/state.db?mode=ro",
        "postgresql://u:s3cret@h:port/x",
    ],
)
def test_a_url_we_cannot_use_is_a_setup_error_with_the_forms_we_can(url: str) -> None:
    with pytest.raises(SetupError) as caught:
        Database(url)

    assert "sqlite:////folder/file.db or postgresql://" in str(caught.value)
    assert "s3cret" not in str(caught.value)


async def test_an_unreachable_server_is_named_without_its_password() -> None:
    database = Database("postgresql://me:s3cret@127.0.0.1:1/state?password=s3cret")

    with pytest.raises(SetupError) as caught:
        await database.open()

    message = str(caught.value)
    assert "127.0.0.1:1, database state" in message
    assert "HEARTH_DATABASE_URL" in message
    assert "s3cret" not in message
    assert "\n" not in message
    await database.close()


async def test_a_missing_database_is_named(postgres: Postgres) -> None:
    database = Database(postgres.url("absent"))

    with pytest.raises(SetupError, match=r"database absent: .*does not exist"):
        await database.open()

    await database.close()


@pytest.fixture(params=["a file in the way", "a folder nobody may write to", "not a database"])
def bad_place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "a folder nobody may write to":
        return Path("/proc/hearth/state.db")  # not even root may
    place = tmp_path / "state" / "hearth.db"
    if request.param == "not a database":
        place.parent.mkdir()
        place.write_bytes(bytes(range(256)) * 32)
    else:
        place.parent.write_text("in the way")
    return place


async def test_a_place_that_cannot_hold_the_state_is_one_line(bad_place: Path) -> None:
    database = Database(f"sqlite:///{bad_place}")

    with pytest.raises(SetupError) as caught:
        await database.open()

    assert f"Cannot open the database {bad_place}: " in str(caught.value)
    assert "HEARTH_HOME" in str(caught.value)
    assert "\n" not in str(caught.value)
    await database.close()
