"""How deployed models stand, by the replicas there are; on each database, without a worker."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from hearth.engines.protocol import Adapter
from tests.deployments.deployed_models.world import World

D1 = "accounts/acme/deployments/d1"


class Loaded:
    """The adapter `first` on d1, as its owner and the reconciler see it."""

    def __init__(self, world: World, api: httpx.AsyncClient) -> None:
        self.world = world
        self.api = api
        self.place = ""

    async def load(self) -> Adapter:
        """Load it; returns what a worker is to be told."""
        made = (
            await self.api.post("/deployedModels", json={"model": "first", "deployment": "d1"})
        ).json()
        self.place = f"/deployedModels/{made['name'].rpartition('/')[2]}"
        (adapter,) = (await self.world.look())[D1]
        return adapter

    async def stands(self) -> tuple[str, str]:
        """State and message, after the reconciler has looked."""
        await asyncio.sleep(0)  # the executor reports in a later turn of the loop
        await self.world.look()
        await self.world.record()
        told: dict[str, Any] = (await self.api.get(self.place)).json()
        return told.get("state", "GONE"), told.get("status", {}).get("message", "")


async def test_it_is_deployed_once_a_replica_that_has_it_is_ready(world: World) -> None:
    async with world.api() as api:
        loaded = Loaded(world, api)
        adapter = await loaded.load()
        old = world.run(D1, (), engine="llamacpp")
        await asyncio.sleep(0)
        world.executor.ready(old)
        waiting = await loaded.stands()
        new = world.run(D1, (adapter,), engine="llamacpp")
        starting = await loaded.stands()
        world.executor.ready(new)

        assert waiting == starting == ("DEPLOYING", "A replica that has it is being started.")
        assert await loaded.stands() == ("DEPLOYED", "")


async def test_a_running_replica_loads_it_where_its_engine_can(world: World) -> None:
    async with world.api() as api:
        loaded = Loaded(world, api)
        adapter = await loaded.load()
        replica = world.run(D1, ())
        await asyncio.sleep(0)
        world.executor.ready(replica)
        waiting = await loaded.stands()
        world.executor.broken[adapter.name] = "its rank is above 64"
        await world.equip(D1, adapter)
        failed = await loaded.stands()
        world.executor.broken.clear()
        await world.equip(D1)
        await world.equip(D1, adapter)

        assert waiting == ("DEPLOYING", "A replica is loading it.")
        assert failed == ("DEPLOYING", "A replica cannot load it: its rank is above 64")
        assert await loaded.stands() == ("DEPLOYED", "")
        assert world.executor.specs[replica].adapters == [adapter]


async def test_a_replica_that_cannot_start_with_it_is_told(world: World) -> None:
    async with world.api() as api:
        loaded = Loaded(world, api)
        replica = world.run(D1, (await loaded.load(),))
        await asyncio.sleep(0)
        world.executor.fail(replica, "the adapter is too large")

        state, message = await loaded.stands()

    assert state == "DEPLOYING"
    assert "cannot start: the adapter is too large" in message


async def test_one_whose_replica_comes_back_stays_deployed(world: World) -> None:
    async with world.api() as api:
        loaded = Loaded(world, api)
        replica = world.run(D1, (await loaded.load(),))
        await asyncio.sleep(0)
        world.executor.ready(replica)
        await loaded.stands()
        world.executor.fail(replica, "killed")
        failed = await loaded.stands()

    assert failed[0] == "DEPLOYING"
    assert "killed" in failed[1]


async def test_on_a_deployment_scaled_to_zero_it_waits_for_the_next_replica(world: World) -> None:
    async with world.api() as api:
        loaded = Loaded(world, api)
        await loaded.load()

        assert await loaded.stands() == (
            "DEPLOYED",
            "No replica runs; the next one that is started will have it.",
        )


async def test_unloading_ends_when_no_replica_has_it(world: World) -> None:
    async with world.api() as api:
        loaded = Loaded(world, api)
        replica = world.run(D1, (await loaded.load(),))
        await asyncio.sleep(0)
        world.executor.ready(replica)
        await loaded.stands()

        gone = await api.delete(loaded.place)
        twice = await api.delete(loaded.place)
        leaving = await loaded.stands()
        assert await world.look() == {}
        world.replicas.drain(replica)
        ended = await loaded.stands()

    assert gone.json() == {}
    assert twice.status_code == 404
    assert leaving[0] == "UNDEPLOYING"
    assert ended[0] == "GONE"


async def test_one_that_is_loaded_again_at_once_keeps_its_replicas(world: World) -> None:
    async with world.api() as api:
        loaded = Loaded(world, api)
        adapter = await loaded.load()
        replica = world.run(D1, (adapter,))
        await asyncio.sleep(0)
        world.executor.ready(replica)
        before = loaded.place
        await api.delete(before)
        assert await loaded.load() == adapter

        assert await loaded.stands() == ("DEPLOYED", "")
        assert (await api.get(before)).status_code == 404


async def test_a_file_that_is_lost_hinders_its_own_adapter_only(world: World) -> None:
    async with world.api() as api:
        loaded = Loaded(world, api)
        adapter = await loaded.load()
        await api.post("/deployedModels", json={"model": "second", "deployment": "d1"})
        await asyncio.to_thread(Path(adapter.path).unlink)

        (left,) = (await world.look())[D1]
        state, message = await loaded.stands()

    assert left.name == "accounts/acme/models/second"
    assert (state, message) == (
        "DEPLOYING",
        "The file of the adapter is gone; unload it and load it again.",
    )


async def test_it_goes_with_its_deployment_and_comes_back_with_it(world: World) -> None:
    async with world.api() as api:
        loaded = Loaded(world, api)
        await loaded.load()
        await world.deployments.delete(D1)
        deleted = await loaded.stands()
        await world.deployments.undelete(D1)
        back = await loaded.stands()
        await world.deployments.delete(D1)
        async with world.db.write() as conn:
            await world.deployments.documents.remove(conn, D1)
        purged = await loaded.stands()

    assert deleted == (
        "UNDEPLOYING",
        "Its deployment was deleted; undeleting that loads it again.",
    )
    assert back[0] == "DEPLOYED"
    assert purged[0] == "GONE"


async def test_models_tell_where_they_are_loaded_and_stay_while_they_are(world: World) -> None:
    from hearth.deployments import adapter_in_use, adapter_refs

    async with world.api() as api:
        loaded = Loaded(world, api)
        adapter = await loaded.load()
        async with world.db.read() as conn:
            used = await adapter_in_use(conn, adapter.name)
            free = await adapter_in_use(conn, "accounts/acme/models/second")
            refs = await adapter_refs(conn, [adapter.name, "accounts/acme/models/second"])

    assert used is not None
    assert loaded.place.rpartition("/")[2] in used
    assert free is None
    assert [each.deployment for each in refs[adapter.name]] == [D1]
    assert list(refs) == [adapter.name]
