"""What becomes of deployments as time passes: scaled, stopped, ended, waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from hearth.accounts import AccountService
from hearth.deployments import Dedicated
from hearth.engines.protocol import Stats, Tally
from hearth.errors import InvalidRequest
from hearth.kit.db import Database
from hearth.resources import BY_OPERATOR
from tests.deployments.world import BEGIN, NAME, World, inventory


@pytest.fixture
async def world(db: Database, tmp_path: Path) -> AsyncIterator[World]:
    await AccountService(db).create_account("acme")
    world = World(db, tmp_path)
    yield world
    await world.replicas.stop_all(0)
    await world.dedicated.close()


@pytest.fixture
def dialect() -> str:
    return "sqlite"  # what is tried here is no SQL


async def test_a_new_deployment_starts_one_replica_and_an_idle_one_ends_it(world: World) -> None:
    await world.create()

    assert (await world.turn()).replica_stats.ready_replica_count == 1
    idle = await world.turn(after_s=3600)

    assert (idle.state, idle.replica_count, idle.desired_replica_count) == ("READY", 0, 0)
    assert "No replica until a request comes." in idle.status.message


async def test_a_request_wakes_what_sleeps(world: World) -> None:
    await world.create()
    await world.turn()
    await world.turn(after_s=3600)

    world.dedicated.asked(NAME, world.now_s())
    awake = await world.turn()

    assert awake.replica_stats.ready_replica_count == 1


async def test_what_the_last_replica_still_took_wakes_no_other(world: World) -> None:
    await world.create()
    await world.turn()
    await world.service.scale(NAME, 0, BY_OPERATOR)
    await world.turn()

    told = {"the-last": Stats(tally=Tally(started=1, finished=1))}  # heard of later
    world.dedicated._watches[NAME].load.look(told, world.now_s())

    assert (await world.turn()).desired_replica_count == 0


async def test_a_count_set_by_hand_holds_at_once_and_is_not_set_again_later(world: World) -> None:
    await world.create(maxReplicaCount=3)
    await world.turn()

    await world.service.scale(NAME, 3, BY_OPERATOR)
    assert (await world.turn()).replica_stats.ready_replica_count == 3
    await world.turn(after_s=7200)
    again = Dedicated(  # a controller that was started anew
        world.dedicated._ground, world.replicas, world.may_spend,
        clock=world.clock, now_s=world.now_s,
    )  # fmt: skip
    await world.dedicated.close()
    world.dedicated = again

    assert (await world.turn()).desired_replica_count == 0


async def test_more_replicas_than_there_is_room_for_wait_and_say_so(world: World) -> None:
    world.capacity = inventory(NVIDIA_H100_80GB=1)
    await world.create(minReplicaCount=2, maxReplicaCount=2)

    waiting = await world.turn()

    assert (waiting.replica_stats.ready_replica_count, waiting.status.code) == (
        1,
        "RESOURCE_EXHAUSTED",
    )
    assert "1 of 2 replicas ready." in waiting.status.message
    assert waiting.replica_stats.pending_scheduling_replica_count == 1


async def test_an_update_without_room_beside_the_old_replica_leaves_it_serving(
    world: World,
) -> None:
    world.capacity = inventory(NVIDIA_H100_80GB=1)
    await world.create()
    await world.turn()
    (before,) = world.replicas.of(NAME)

    await world.service.resources.update(NAME, {"engineOptions": {"slots": 2}})
    waiting = await world.turn()

    assert [each.id for each in world.replicas.of(NAME)] == [before.id]
    assert waiting.state == "UPDATING"
    assert waiting.status.code == "RESOURCE_EXHAUSTED"


async def test_an_account_that_may_spend_no_more_holds_nothing_and_gets_it_back(
    world: World,
) -> None:
    await world.create(minReplicaCount=2, maxReplicaCount=2)
    await world.turn()

    world.stopped = "The account acme is over its limit."
    stopped = await world.turn(after_s=11)
    world.stopped = ""
    back = await world.turn(after_s=11)

    assert stopped.replica_count == 0
    assert "over its limit" in stopped.status.message
    assert back.replica_stats.ready_replica_count == 2


async def test_a_deployment_whose_time_is_over_is_deleted_and_purged_a_week_later(
    world: World,
) -> None:
    end = (BEGIN + timedelta(hours=1)).isoformat()
    await world.create(minReplicaCount=1, expireTime=end)
    await world.turn()

    over = await world.turn(after_s=3601)
    assert (over.state, over.replica_count) == ("DELETED", 0)
    assert over.delete_time is not None
    with pytest.raises(Exception, match="There is no deployment"):
        await world.turn(after_s=8 * 86_400)


async def test_what_nobody_asks_for_a_week_is_deleted(world: World) -> None:
    await world.create()
    await world.turn()
    await world.turn(after_s=3600)

    kept = await world.turn(after_s=5 * 86_400)
    gone = await world.turn(after_s=2 * 86_400)

    assert kept.delete_time is None
    assert gone.delete_time is not None


async def test_what_comes_back_is_placed_anew(world: World) -> None:
    world.capacity = inventory(NVIDIA_H100_80GB=1, NVIDIA_A100_80GB=1)
    before = await world.create(acceleratorType="")
    await world.service.resources.delete(NAME)
    await world.turn()
    other = await world.create("d2", acceleratorType=before.accelerator_type, minReplicaCount=1)
    await world.turn()

    await world.service.resources.undelete(NAME)
    back = await world.turn()

    assert back.accelerator_type != other.accelerator_type == before.accelerator_type
    assert back.replica_stats.ready_replica_count == 1


async def test_a_replica_that_cannot_start_fails_the_deployment_until_it_can(
    world: World,
) -> None:
    world.executor._is_automatic = False
    await world.create()
    await world.turn()
    (replica,) = world.replicas.of(NAME)

    world.executor.fail(replica.id, "its weights are torn")
    failed = await world.turn()
    world.executor.ready(replica.id)
    ready = await world.turn()

    assert (failed.state, ready.state) == ("FAILED", "READY")
    assert "its weights are torn" in failed.status.message


async def test_a_change_to_what_the_model_cannot_do_is_refused_and_changes_nothing(
    world: World,
) -> None:
    await world.create()
    await world.turn()

    with pytest.raises(InvalidRequest, match="ask for no more"):
        await world.service.resources.update(
            NAME, {"baseModel": "llama-v3p1-8b-instruct", "maxContextLength": 100_000_000}
        )

    assert (await world.turn()).max_context_length == 0
