"""Two controllers on one state: one leads, the other takes over, and no job is lost by that."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import pytest

from hearth.jobs import JobState
from tests.jobs.world import LIMIT_S, World, postgres_slowly

LEADS = "The controller leads; Ctrl-C stops it."
LEADS_NOW = "The controller leads now."
DEPOSED = "Another controller leads now; this one ends what it ran and waits."


async def said(controller: subprocess.Popen[str]) -> str:
    """The next line it prints."""
    assert controller.stdout is not None
    return (await asyncio.wait_for(asyncio.to_thread(controller.stdout.readline), LIMIT_S)).strip()


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def test_a_killed_controller_hands_its_jobs_to_the_next(world: World) -> None:
    first = world.start_controller()
    assert await said(first) == LEADS
    second = world.start_controller()
    waiting = await said(second)
    assert f"waits: process {first.pid} on " in waiting
    job_id = await world.defer("walk", num_steps=4, gate=2)
    await world.until_traced("step 2")

    world.kill(first)
    assert await said(second) == LEADS_NOW
    world.let_go()

    assert (await world.end_of(job_id)).result == [0, 1, 4, 9]
    assert world.traces() == ["step 0", "step 1", "step 2", "step 2", "step 3"]


@postgres_slowly
async def test_a_killed_runner_is_started_again(world: World) -> None:
    controller = world.start_controller()
    assert await said(controller) == LEADS
    assert children(controller.pid) == [], "no job, no runner"
    job_id = await world.defer("walk", num_steps=4, gate=2)
    await world.until_traced("step 2")

    for pid in children(controller.pid):
        os.kill(pid, signal.SIGKILL)
    world.let_go()

    assert (await world.end_of(job_id)).result == [0, 1, 4, 9]
    assert world.traces() == ["step 0", "step 1", "step 2", "step 2", "step 3"]


@postgres_slowly
async def test_a_controller_that_is_told_to_stop_hands_over_at_once(world: World) -> None:
    first = world.start_controller()
    assert await said(first) == LEADS
    second = world.start_controller()
    await said(second)

    first.send_signal(signal.SIGTERM)
    assert await said(second) == LEADS_NOW
    assert await asyncio.to_thread(first.wait, LIMIT_S) == 0


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
async def test_a_controller_cut_off_from_the_database_stops_what_it_runs(world: World) -> None:
    first = world.start_controller()
    assert await said(first) == LEADS
    second = world.start_controller()
    await said(second)

    first.send_signal(signal.SIGSTOP)  # as a machine that hangs
    await world.cut_off_the_leader()
    assert await said(second) == LEADS_NOW
    first.send_signal(signal.SIGCONT)
    assert await said(first) == DEPOSED

    job_id = await world.defer("walk", num_steps=1)
    assert (await world.end_of(job_id)).state is JobState.SUCCEEDED
    assert children(first.pid) == []
