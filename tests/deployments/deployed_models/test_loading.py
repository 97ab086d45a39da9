"""What can be loaded where, over HTTP, on each database; nothing is served."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from hearth.catalog import decide_fake
from hearth.deployments import deployed_models
from hearth.deployments.deployed_models import rules
from hearth.kit.db import Database
from tests.catalog.peft_folders import random_matrices, write_peft
from tests.deployments.deployed_models.world import BASE, World

D1 = "accounts/acme/deployments/d1"
Json = dict[str, Any]


async def loaded(api: httpx.AsyncClient, **body: object) -> Json:
    answer = await api.post("/deployedModels", json=body, params=body.pop("params", None))  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def place(made: Json) -> str:
    """The path of one."""
    return f"/deployedModels/{made['name'].rpartition('/')[2]}"


async def refused(api: httpx.AsyncClient, **body: object) -> tuple[int, str, str]:
    answer = await api.post("/deployedModels", json=body)
    error = answer.json()["error"]
    return answer.status_code, error.get("param"), answer.json()["message"]


async def test_an_adapter_is_loaded_on_a_deployment_under_a_name_made_of_its_own(
    world: World,
) -> None:
    async with world.api() as api:
        made = await loaded(api, model="first", deployment="d1", displayName="One")
        found = (await api.get(place(made))).json()
        listed = (await api.get("/deployedModels", params={"filter": 'state="DEPLOYING"'})).json()

    assert re.fullmatch(r"accounts/acme/deployedModels/first-[a-z0-9]{6}", made["name"])
    assert (made["model"], made["deployment"]) == ("accounts/acme/models/first", D1)
    assert (made["state"], made["default"], made["serverless"]) == ("DEPLOYING", True, False)
    assert made["baseModel"] == BASE
    assert re.fullmatch("[0-9a-f]{64}", made["adapterDigest"])
    assert found == made
    assert [each["name"] for each in listed["deployedModels"]] == [made["name"]]


async def test_without_a_deployment_it_is_loaded_where_its_base_model_is_served(
    world: World,
) -> None:
    async with world.api() as api:
        made = await loaded(api, model="accounts/acme/models/first")

    assert made["serverless"]
    adapters = await world.look()
    assert [each.name for each in adapters[BASE]] == ["accounts/acme/models/first"]


async def test_what_does_not_fit_is_refused_by_name(world: World) -> None:
    await world.deploy("of-twin", "accounts/acme/models/twin")
    await world.deploy("theirs", account_id="other")
    del world.bases["accounts/acme/models/second"]
    cases: list[tuple[Json, str, str]] = [
        ({"deployment": "d1"}, "model", "name the adapter"),
        ({"model": "nothing", "deployment": "d1"}, "model", "no model 'nothing'"),
        ({"model": "tiny", "deployment": "d1"}, "model", "HF_BASE_MODEL"),
        ({"model": "first", "deployment": "d9"}, "deployment", "no deployment"),
        ({"model": "first", "deployment": "of-twin"}, "deployment", "is trained on"),
        ({"model": "first", "deployment": "accounts/other/deployments/theirs"}, "deployment",
         "no deployment accounts/other/deployments/theirs in the account acme"),
        ({"model": "second"}, "deployment", "does not say which base model"),
        ({"model": "first", "deployment": 7}, "deployment", "deployment"),
    ]  # fmt: skip

    async with world.api() as api:
        for body, param, told in cases:
            status, at, message = await refused(api, **body)
            assert (status, at) == (400, param), message
            assert told in message

        assert (await api.get("/deployedModels")).json()["totalSize"] == 0


async def test_an_adapter_that_cannot_be_served_is_refused_before_it_is_loaded(
    world: World, tmp_path: Path
) -> None:
    matrices = random_matrices(tmp_path / "tiny.gguf")
    world.pull(write_peft(tmp_path / "dora", matrices, use_dora=True), "dora")
    small = {name: (a[:, :16], b) for name, (a, b) in matrices.items()}
    world.pull(write_peft(tmp_path / "small", small), "small")

    async with world.api() as api:
        assert "DoRA" in (await refused(api, model="dora", deployment="d1"))[2]
        assert "another base" in (await refused(api, model="small", deployment="d1"))[2]


async def test_it_is_loaded_once_on_a_deployment_and_as_often_as_there_are_deployments(
    world: World,
) -> None:
    await world.deploy("d2")

    async with world.api() as api:
        first = await loaded(api, model="first", deployment="d1")
        again = await api.post("/deployedModels", json={"model": "first", "deployment": "d1"})
        second = await loaded(api, model="first", deployment="d2")

    assert again.status_code == 409
    assert first["name"] in again.json()["message"]
    assert (first["default"], second["default"]) == (True, False)


async def test_a_deployment_takes_so_many_adapters_and_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deployed_models.types.MAX_ADAPTERS == 100
    monkeypatch.setattr(rules, "MAX_ADAPTERS", 1)

    async with world.api() as api:
        await loaded(api, model="first", deployment="d1")
        status, param, message = await refused(api, model="second", deployment="d1")

    assert (status, param) == (400, "deployment")
    assert "has 1 adapters, the most that it takes; unload one" in message


async def test_one_place_of_a_model_is_its_default_and_unloading_it_makes_another(
    world: World,
) -> None:
    await world.deploy("d2")

    async with world.api() as api:
        places = [place(await loaded(api, model="first", deployment=each)) for each in ("d1", "d2")]

        async def defaults() -> list[bool]:
            return [(await api.get(each)).json()["default"] for each in places]

        assert await defaults() == [True, False]
        undone = await api.patch(places[0], json={"default": False})
        await api.patch(places[1], json={"default": True})
        assert await defaults() == [False, True]
        await api.delete(places[1])
        assert await defaults() == [True, False]

    assert undone.status_code == 400
    assert undone.json()["error"]["param"] == "default"


async def test_a_merged_adapter_takes_the_place_of_all_others_of_its_deployment(
    world: World,
) -> None:
    async with world.api() as api:
        first = await loaded(api, model="first", deployment="d1")
        merged = {"replaceMergedAddon": "true"}
        second = await loaded(api, model="second", deployment="d1", params=merged)
        nowhere = await api.post("/deployedModels", json={"model": "first"}, params=merged)
        state = (await api.get(f"/deployedModels/{first['name'].rpartition('/')[2]}")).json()[
            "state"
        ]

    assert state == "UNDEPLOYING"
    assert [each.name for each in (await world.look())[D1]] == [second["model"]]
    assert nowhere.json()["error"]["param"] == "replaceMergedAddon"


async def test_names_change_and_places_do_not(world: World) -> None:
    async with world.api() as api:
        made = await loaded(api, model="first", deployment="d1")
        named = await api.patch(place(made), json={"displayName": "New", "model": "first"})
        moved = await api.patch(place(made), json={"deployment": "d2"})
        stale = await api.patch(place(made), json={"displayName": "Old", "etag": made["etag"]})

    assert named.json()["displayName"] == "New"
    assert moved.status_code == 400
    assert moved.json()["error"]["param"] == "deployment"
    assert stale.status_code == 409


async def test_other_accounts_see_none_of_it(world: World) -> None:
    async with world.api() as api:
        made = await loaded(api, model="first", deployment="d1")

    async with world.api("other") as api:
        assert (await api.get("/deployedModels")).json()["totalSize"] == 0
        api.base_url = httpx.URL("http://hearth/accounts/acme")
        answers = [await api.get(place(made)), await api.delete(place(made))]
        body = {"model": "second", "deployment": "d1"}
        answers.append(await api.post("/deployedModels", json=body))

    assert all(each.status_code in (403, 404) for each in answers)


async def test_a_base_model_without_weights_here_takes_no_adapters(
    world: World, tmp_path: Path
) -> None:
    world.bases["accounts/acme/models/first"] = "accounts/fireworks/models/llama-v3p1-8b-instruct"

    async with world.api() as api:
        status, param, message = await refused(api, model="first")

    assert (status, param) == (400, "model")
    assert "hearth pull" in message


async def test_checking_only_loads_nothing(world: World) -> None:
    params = {"validateOnly": "true"}

    async with world.api() as api:
        checked = await loaded(api, model="first", deployment="d1", params=params)
        listed = (await api.get("/deployedModels")).json()

    assert checked["state"] == "DEPLOYING"
    assert listed["totalSize"] == 0


async def test_the_fake_engine_takes_adapters_without_reading_them(
    db: Database, tmp_path: Path
) -> None:
    world = World(db, tmp_path, decide=decide_fake)
    await world.start()

    async with world.api() as api:
        made = await loaded(api, model="first", deployment="d1")

    (adapter,) = (await world.look())[D1]
    assert (adapter.path, adapter.digest) == ("", made["adapterDigest"])


async def test_of_loads_at_once_one_is_done(world: World) -> None:
    body = {"model": "first", "deployment": "d1"}

    async with world.api() as api:
        both = await asyncio.gather(*(api.post("/deployedModels", json=body) for _ in range(8)))

    assert sorted(each.status_code for each in both) == [200, *[409] * 7]
