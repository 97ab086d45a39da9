"""Which deployed model a name means, and how a gateway learns of adapters that come and go."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hearth.accounts import Status
from hearth.deployments import DeployedModel, DeployedModelState
from hearth.engines.protocol import Adapter
from hearth.engines.wire import Connection, FrameType
from hearth.errors import ModelNotFound, Unavailable
from hearth.gateway.adapter_routes import AdapterRoutes
from hearth.gateway.channel import Channel
from hearth.resources import Stored
from tests.engines.worker_process import fake_spec, running_worker

LORA = "accounts/a/models/lora"
ON_D = "accounts/a/deployments/d"


def deployed(
    name: str,
    *,
    deployment: str = "",
    is_merged: bool = False,
    default: bool = False,
    public: bool = False,
    state: DeployedModelState = DeployedModelState.DEPLOYED,
    status: Status | None = None,
) -> Stored[DeployedModel]:
    resource = DeployedModel(
        name=f"accounts/{name.partition('/')[0]}/deployedModels/{name.partition('/')[2]}",
        model=LORA,
        base_model="accounts/a/models/base",
        deployment=deployment,
        default=default,
        public=public,
        state=state,
        status=status or Status(),
    )
    return Stored(
        resource=resource,
        internal={"is_merged": is_merged},
        revision=1,
        create_digest="",
        created_by="",
        create_time=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
def routes() -> AdapterRoutes:
    routes = AdapterRoutes()
    routes.replace(
        [
            deployed("a/one"),
            deployed("a/two", deployment=ON_D, default=True, is_merged=True),
            deployed("b/three", public=True),
            deployed("a/four", deployment=ON_D, state=DeployedModelState.UNDEPLOYING),
        ]
    )
    return routes


def test_a_deployed_model_is_found_by_its_name_in_either_spelling(routes: AdapterRoutes) -> None:
    for name in ("accounts/a/deployedModels/one", "accounts/a/deployed-models/one"):
        assert routes.names_one(name)
        assert routes.find(name, "a").name == "accounts/a/deployedModels/one"

    assert not routes.names_one(LORA)
    assert not routes.names_one(f"{LORA}#{ON_D}")


def test_only_public_ones_are_there_for_others(routes: AdapterRoutes) -> None:
    assert routes.find("accounts/b/deployedModels/three", "a").account_id == "b"
    for name, account_id in (("a/deployedModels/one", "b"), ("a/deployedModels/four", "a")):
        with pytest.raises(ModelNotFound) as refused:
            routes.find(f"accounts/{name}", account_id)
        assert name in (refused.value.details or "")


def test_a_bare_adapter_means_the_accounts_own_default_place_or_a_public_one(
    routes: AdapterRoutes,
) -> None:
    places = {account_id: routes.of_model(LORA, account_id) for account_id in "abc"}

    assert {account_id: place and place.name for account_id, place in places.items()} == {
        "a": "accounts/a/deployedModels/two",
        "b": "accounts/b/deployedModels/three",
        "c": "accounts/b/deployedModels/three",
    }
    assert routes.of_model("accounts/a/models/other", "a") is None


def test_a_request_for_one_that_cannot_be_loaded_is_told_so_at_once(routes: AdapterRoutes) -> None:
    fault = Status("UNAVAILABLE", "A replica with it cannot start: no memory.")
    routes.replace(
        [deployed("a/one", status=fault), deployed("a/two", status=Status("OK", "Soon"))]
    )

    with pytest.raises(Unavailable, match="lora is not loaded"):
        routes.find("accounts/a/deployedModels/one", "a").check()
    routes.find("accounts/a/deployedModels/two", "a").check()


def test_a_deployment_knows_its_adapters_and_the_one_that_answers_for_it(
    routes: AdapterRoutes,
) -> None:
    on = routes.on(ON_D, LORA)
    assert on is not None
    assert on == routes.merged(ON_D)
    assert routes.on("accounts/a/deployments/e", LORA) is None
    assert routes.merged("accounts/a/deployments/e") is None


async def test_an_adapter_that_is_loaded_into_a_running_worker_is_known_at_once(
    tmp_path: Path,
) -> None:
    changed = asyncio.Event()
    async with running_worker(fake_spec(tmp_path)) as worker:
        channel = Channel(worker.ready.address, changed.set)
        channel.open()
        await asyncio.wait_for(changed.wait(), 20)
        assert not channel.has_adapter(LORA)

        changed.clear()
        controller = Connection(lambda *_: None, lambda _: None)
        path = worker.ready.address.removeprefix("unix://")
        await asyncio.get_running_loop().create_unix_connection(lambda: controller, path)
        controller.send(FrameType.ADAPTER_LOAD, 1, Adapter(name=LORA, digest="5" * 64))
        await asyncio.wait_for(changed.wait(), 20)

        assert channel.has_adapter(LORA)
        controller.close()
        await channel.close()
