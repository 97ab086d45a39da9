"""Jobs in a real runner: each ends as it should, and what a crash cuts goes on where it was cut."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path

import pytest

from hearth import jobs
from hearth.app.jobs import LOST_STATUS
from hearth.errors import InvalidRequest
from hearth.jobs import Job, JobState, store
from hearth.jobs.runner import MAX_RUNNING
from hearth.kit.clock import utc_now
from hearth.kit.db import Database
from hearth.migrations import migrate
from tests.jobs.world import LIMIT_S, World, postgres_slowly
from tests.postgres import KILLABLE, running_cluster

KILLED = 9
REST_S = 2.0


async def test_a_job_runs_and_keeps_its_result(world: World) -> None:
    job_id = await world.defer("walk", num_steps=3)
    queued = await world.job(job_id)
    assert (queued.state, queued.percent, queued.start_time) == (JobState.QUEUED, 0, None)

    world.start_runner()
    job = await world.end_of(job_id)

    assert (job.state, job.result, job.error) == (JobState.SUCCEEDED, [0, 1, 4], "")
    assert (job.percent, job.message) == (100, "after 2")
    assert job.start_time is not None
    assert job.end_time is not None
    assert job.create_time <= job.start_time <= job.end_time


@postgres_slowly
async def test_a_job_of_a_transaction_that_fails_never_runs(world: World) -> None:
    async def change_and_fail() -> None:
        async with world.db.write() as conn:
            await jobs.defer(conn, Job(id="job-never", kind="walk", account_id="acme"))
            raise InvalidRequest("The change itself is refused.")

    with pytest.raises(InvalidRequest):
        await change_and_fail()
    job_id = await world.defer("walk", num_steps=1)
    world.start_runner()

    assert (await world.end_of(job_id)).state is JobState.SUCCEEDED
    async with world.db.read() as conn:
        assert [each.id for each in await jobs.list_jobs(conn, "acme")] == [job_id]


@postgres_slowly
async def test_what_is_queued_while_the_runner_runs_is_run_and_then_it_ends(world: World) -> None:
    runner = world.start_runner("--idle-s", "1")
    for _ in range(2):
        job_id = await world.defer("walk", num_steps=1)
        assert (await world.end_of(job_id)).state is JobState.SUCCEEDED

    assert world.traces() == ["step 0", "step 0"]
    assert await asyncio.to_thread(runner.wait, LIMIT_S) == 0


async def test_killed_in_a_step_it_goes_on_with_that_step(world: World) -> None:
    job_id = await world.defer("walk", num_steps=4, gate=2)
    runner = world.start_runner()
    await world.until_traced("step 2")

    world.kill(runner)
    world.let_go()
    world.start_runner()
    job = await world.end_of(job_id)

    assert job.result == [0, 1, 4, 9]
    assert world.traces() == ["step 0", "step 1", "step 2", "step 2", "step 3"]


@postgres_slowly
async def test_more_jobs_than_run_at_once_all_run(world: World) -> None:
    job_ids = [await world.defer("walk", num_steps=1) for _ in range(3 * MAX_RUNNING)]
    world.start_runner()

    assert {(await world.end_of(job_id)).state for job_id in job_ids} == {JobState.SUCCEEDED}
    assert len(world.traces()) == len(job_ids)


@postgres_slowly
async def test_killed_between_steps_it_runs_none_of_them_again(world: World) -> None:
    job_id = await world.defer("walk", num_steps=4, pause=1)
    runner = world.start_runner()
    await world.until_running(job_id, "after 1")

    world.kill(runner)
    world.let_go()
    world.start_runner()
    job = await world.end_of(job_id)

    assert job.result == [0, 1, 4, 9]
    assert world.traces() == ["step 0", "step 1", "step 2", "step 3"]


async def test_a_second_runner_waits_until_the_first_is_gone(world: World) -> None:
    job_id = await world.defer("walk", num_steps=4, gate=2)
    first = world.start_runner()
    await world.until_traced("step 2")
    gone, _ = world.start_runner(), world.start_runner()
    await asyncio.to_thread(gone.communicate, timeout=LIMIT_S)  # it ends while it waits
    other_id = await world.defer("walk", num_steps=1)
    await world.end_of(other_id)
    assert world.traces() == ["step 0", "step 1", "step 2", "step 0"], "the first runs both"

    world.kill(first)
    world.let_go()

    assert (await world.end_of(job_id)).result == [0, 1, 4, 9]
    assert world.traces()[4:] == ["step 2", "step 3"]


@postgres_slowly
async def test_a_failed_step_is_remembered_with_its_error(world: World) -> None:
    job_id = await world.defer("recover")
    assert await asyncio.to_thread(world.start_runner().wait, LIMIT_S) == KILLED
    world.start_runner()

    assert (await world.end_of(job_id)).result == "file: There is no such file."
    assert world.traces() == ["miss", "killed"]


@postgres_slowly
async def test_a_job_that_fails_says_why(world: World) -> None:
    job_ids = {how: await world.defer("fail", how=how) for how in ("api", "setup", "bug")}
    job_ids["unknown"] = await world.defer("dance")
    job_ids["flicker"] = await world.defer("insist", num_retries=0)
    world.start_runner()
    ended = {how: await world.end_of(job_id) for how, job_id in job_ids.items()}

    assert {job.state for job in ended.values()} == {JobState.FAILED}
    assert ended["api"].error == "The file has no header; write one."
    assert ended["setup"].error == "The disk is full; free some of it."
    assert ended["flicker"].error == "The hub does not answer."
    assert "'dance'" in ended["unknown"].error
    assert "walk" in ended["unknown"].error, "the kinds that are known"
    assert "broke inside Hearth" in ended["bug"].error
    assert "secret" not in ended["bug"].error
    world.end()
    assert world.log.count("ZeroDivisionError: a secret detail") == 1


@postgres_slowly
async def test_what_is_unavailable_is_tried_again(world: World) -> None:
    job_id = await world.defer("insist", num_retries=2)
    world.start_runner()
    assert (await world.end_of(job_id)).result == 2


@pytest.mark.slow
async def test_a_rest_is_not_begun_anew_by_a_crash(world: World) -> None:
    job_id = await world.defer("rest", seconds=REST_S)
    runner = world.start_runner()
    await world.until_traced("begin")
    await asyncio.sleep(REST_S / 2)
    world.kill(runner)
    await asyncio.sleep(REST_S / 2)
    world.start_runner()
    await world.until_traced("begin", times=2)
    begun_again = utc_now()
    job = await world.end_of(job_id)

    assert job.end_time is not None
    assert (job.end_time - begun_again).total_seconds() < REST_S / 2


async def test_cancelled_before_it_runs_it_never_does(world: World) -> None:
    job_id = await world.defer("walk", num_steps=1)
    cancelled = await world.cancel(job_id)
    assert cancelled.state is JobState.CANCELLED

    other_id = await world.defer("rest", seconds=0)
    world.start_runner()
    await world.end_of(other_id)
    assert world.traces() == ["begin"]


@postgres_slowly
async def test_cancelled_while_it_runs_it_may_tidy_up(world: World) -> None:
    job_id = await world.defer("tidy")
    world.start_runner()
    await world.until_traced("begin")
    cancelling = await world.cancel(job_id)
    assert (cancelling.state, cancelling.is_cancelling) == (JobState.RUNNING, True)

    assert (await world.end_of(job_id)).state is JobState.CANCELLED
    assert world.traces() == ["begin", "tidied, told True"]


async def test_cancelled_while_no_runner_runs_it_does_not_go_on(world: World) -> None:
    job_id = await world.defer("walk", num_steps=4, gate=2)
    runner = world.start_runner()
    await world.until_traced("step 2")
    world.kill(runner)
    await world.cancel(job_id)
    world.start_runner()

    assert (await world.end_of(job_id)).state is JobState.CANCELLED
    assert world.traces() == ["step 0", "step 1", "step 2"]


@postgres_slowly
async def test_a_job_whose_journal_is_gone_begins_again(world: World) -> None:
    """As after a backup is restored that has the one file without the other."""
    job_id = await world.defer("walk", num_steps=2)
    async with world.db.write() as conn:
        await store.begin_job(conn, job_id, utc_now())
    world.start_runner()

    assert (await world.end_of(job_id)).result == [0, 1]


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
async def test_a_runner_that_was_taken_for_dead_ends_without_another_step(world: World) -> None:
    job_id = await world.defer("walk", num_steps=4, gate=2)
    first = world.start_runner()
    await world.until_traced("step 2")
    first.send_signal(signal.SIGSTOP)  # as a machine that hangs
    await world.cut_off_the_leader()
    world.start_runner()
    await world.until_traced("step 2", times=2)

    first.send_signal(signal.SIGCONT)
    assert await asyncio.to_thread(first.wait, LIMIT_S) == LOST_STATUS
    world.let_go()

    assert (await world.end_of(job_id)).result == [0, 1, 4, 9]
    assert world.traces() == ["step 0", "step 1", "step 2", "step 2", "step 3"]


@pytest.mark.slow
async def test_jobs_outlive_a_database_that_goes_away(tmp_path: Path) -> None:
    with running_cluster(KILLABLE) as (cluster, server):
        db = Database(server.url("postgres"))
        await migrate(db)
        world = World(db, server.url("postgres"), tmp_path)
        job_id = await world.defer("walk", num_steps=4, gate=2)
        world.start_controller()
        await world.until_traced("step 2")

        await asyncio.to_thread(cluster.kill)
        world.let_go()
        await asyncio.to_thread(cluster.start)

        job = await world.end_of(job_id)
        world.end()
        await db.close()
    assert job.result == [0, 1, 4, 9]
    done = Counter(world.traces())
    assert done["step 0"] == done["step 1"] == 1
    assert done["step 2"] <= 2, "what could not be noted is done again"
