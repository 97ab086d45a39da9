"""Jobs in a real runner: each ends as it should, and what a crash cuts goes on where it was cut."""

from __future__ import annotations

from hearth.jobs import JobState
from tests.jobs.world import World


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
