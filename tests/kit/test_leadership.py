"""Leadership: one process at a time, the next one soon, and no write by a deposed one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

import pytest
from sqlalchemy import text

from hearth.errors import LostLeadership
from hearth.kit.clock import utc_now
from hearth.kit.db import Database
from hearth.kit.leadership import POLL_S, Leadership
from hearth.migrations import migrate
from tests.kit.competitors import LIMIT_S, Competitors
from tests.postgres import KILLABLE, running_cluster

HANDOVER_LIMIT_S = 2.0


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def compete(url: str, ending: ExitStack) -> Competitors:
    competitors = Competitors(url, num=2)
    ending.callback(competitors.end)
    return competitors


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.02)


async def make_terms(db: Database) -> None:
    counting = "INTEGER PRIMARY KEY" if db.dialect == "sqlite" else "BIGSERIAL PRIMARY KEY"
    async with db.write() as conn:
        await conn.execute(text("DROP TABLE IF EXISTS terms"))
        await conn.execute(text(f"CREATE TABLE terms (id {counting}, epoch BIGINT NOT NULL)"))


async def terms(db: Database) -> list[int]:
    async with db.read() as conn:
        return list(await conn.scalars(text("SELECT epoch FROM terms ORDER BY id")))


async def test_the_next_process_leads_as_soon_as_the_first_is_killed(
    db: Database, db_url: str, ending: ExitStack
) -> None:
    await make_terms(db)
    competitors = compete(db_url, ending)
    first, epoch = await competitors.next_leader()

    async def writes(epoch: int) -> bool:
        return (await terms(db))[-1:] == [epoch]

    await until(lambda: writes(epoch))
    killed_s = perf_counter()
    competitors.kill(first)
    assert await competitors.next_leader() == (1 - first, epoch + 1)
    assert perf_counter() - killed_s < HANDOVER_LIMIT_S

    await until(lambda: writes(epoch + 1))
    written = await terms(db)
    assert written == sorted(written), "two led at once"


async def test_whoever_waits_knows_for_whom(db: Database, tmp_path: Path) -> None:
    first, second = Leadership(db, tmp_path / "first"), Leadership(db, tmp_path / "second")
    assert await first.leader() is None
    assert await first.try_acquire()

    assert not await second.try_acquire()
    leader = await second.leader()
    assert leader is not None
    assert str(tmp_path / "first") in leader.holder
    assert leader.time <= utc_now()

    await second.release()
    await first.release()


async def test_every_acquisition_has_the_next_epoch(db: Database, tmp_path: Path) -> None:
    first, second = Leadership(db, tmp_path), Leadership(db, tmp_path)
    assert await first.acquire() == 1
    waiting = asyncio.create_task(second.acquire())
    await first.release()
    async with asyncio.timeout(LIMIT_S):
        assert await waiting == 2
    await second.release()
    assert await first.acquire() == 3
    await first.release()


async def test_waiting_can_be_given_up(db: Database, tmp_path: Path) -> None:
    first, second = Leadership(db, tmp_path), Leadership(db, tmp_path)
    await first.acquire()
    waiting = asyncio.create_task(second.acquire())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(waiting, POLL_S)
    await second.release()

    await first.release()
    assert await first.acquire() == 2, "who gave up has not led"
    await first.release()


async def test_different_names_are_led_apart(db: Database, tmp_path: Path) -> None:
    controller, jobs = Leadership(db, tmp_path), Leadership(db, tmp_path, name="jobs")
    assert [await controller.acquire(), await jobs.acquire()] == [1, 1]
    await jobs.release()
    await controller.release()


async def depose(db: Database) -> None:
    """Be another leader, as far as the database knows."""
    async with db.write() as conn:
        await conn.execute(text("UPDATE leadership SET epoch = epoch + 1"))


async def test_a_deposed_leader_writes_nothing_and_learns_of_it(
    db: Database, tmp_path: Path
) -> None:
    await make_terms(db)
    leadership = Leadership(db, tmp_path)
    await leadership.acquire()
    await depose(db)

    async def write() -> None:
        async with db.write() as conn:
            await conn.execute(text("INSERT INTO terms (epoch) VALUES (1)"))
            await leadership.check(conn)

    with pytest.raises(LostLeadership, match="another does"):
        await write()
    assert await terms(db) == []
    assert leadership.lost.is_set()
    await leadership.release()


async def test_a_deposed_leader_that_does_not_write_learns_of_it_too(
    db: Database, tmp_path: Path
) -> None:
    leadership = Leadership(db, tmp_path)
    await leadership.acquire()
    await depose(db)

    async with asyncio.timeout(LIMIT_S):
        await leadership.lost.wait()
    await leadership.release()


async def test_who_never_led_writes_nothing(db: Database, tmp_path: Path) -> None:
    leadership = Leadership(db, tmp_path)
    with pytest.raises(LostLeadership):
        async with db.write() as conn:
            await leadership.check(conn)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_a_deleted_lock_file_lets_nobody_else_lead(db: Database, tmp_path: Path) -> None:
    first, second = Leadership(db, tmp_path), Leadership(db, tmp_path)
    await first.acquire()
    lock = tmp_path / "state.db.controller.lock"
    lock.unlink()

    async def is_back() -> bool:
        return lock.exists()

    await until(is_back)
    assert not await second.try_acquire()
    assert not first.lost.is_set()
    await first.release()


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
async def test_a_leader_whose_connection_breaks_goes_on_if_nobody_else_came(
    db: Database, tmp_path: Path
) -> None:
    leadership = Leadership(db, tmp_path)
    await leadership.acquire()
    holders = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = "
    holders += "(SELECT oid FROM pg_database WHERE datname = current_database())"

    async def holder() -> int | None:
        async with db.read() as conn:
            pid: int | None = await conn.scalar(text(holders))
            return pid

    first = await holder()
    async with db.write() as conn:
        await conn.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": first})

    async def is_another() -> bool:
        return await holder() not in {first, None}

    await until(is_another)

    async with db.write() as conn:
        await leadership.check(conn)
    await leadership.release()


async def test_a_restart_of_the_server_leaves_exactly_one_leader(ending: ExitStack) -> None:
    cluster, server = ending.enter_context(running_cluster(KILLABLE))
    url = server.url("postgres")
    db = Database(url)
    await migrate(db)
    await make_terms(db)
    await compete(url, ending).next_leader()
    num_written = len(await terms(db))

    await asyncio.to_thread(cluster.kill)
    await asyncio.to_thread(cluster.start)

    async def goes_on() -> bool:
        return len(await terms(db)) > num_written + 20

    await until(goes_on)
    written = await terms(db)
    assert written == sorted(written), "two led at once"
    await db.close()
