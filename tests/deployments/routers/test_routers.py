"""Routers over HTTP: what they may be made of, and that their deployments stay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from hearth.accounts import Role
from hearth.deployments.routers.routes import router_routes
from hearth.deployments.routers.rules import in_use
from hearth.deployments.rules import DEPLOYMENT_KIND
from hearth.deployments.store import DEPLOYMENTS
from hearth.deployments.types import Deployment
from hearth.kit.db import Database
from hearth.kit.versions import read_versions
from hearth.resources import Creation, FreeRules, Kind, Resources
from tests.site import Site

ROUTER = "/accounts/acme/routers/r"
ACME = "accounts/acme/deployments"
LLAMA = "accounts/fireworks/models/llama-v3p1-8b-instruct"
MIXTRAL = "accounts/fireworks/models/mixtral-8x7b-instruct"

Json = dict[str, Any]


class Deployments:
    """Deployments as they stand in the table, without the rules that place them."""

    def __init__(self, db: Database) -> None:
        kind: Kind[Deployment] = DEPLOYMENT_KIND
        self._resources = Resources(db, kind, FreeRules())

    async def add(self, deployment_id: str, *, account_id: str = "acme", **body: object) -> None:
        """Make one."""
        parent = f"accounts/{account_id}"
        new = Creation(parent=parent, id=deployment_id, body={"baseModel": LLAMA} | body)
        await self._resources.create(new)

    async def delete(self, deployment_id: str) -> None:
        """Delete one of acme's."""
        await self._resources.delete(f"{ACME}/{deployment_id}")


@pytest.fixture
async def callers(db: Database) -> Site:
    callers = Site(db)
    callers.open(router_routes(db, callers.caller))
    await callers.add_accounts()
    return callers


@pytest.fixture
async def acme(callers: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with callers.user() as client:
        yield client


@pytest.fixture
async def deployments(db: Database, callers: Site) -> Deployments:
    """`a` and `b` serve the same model."""
    deployments = Deployments(db)
    for deployment_id in ("a", "b"):
        await deployments.add(deployment_id)
    return deployments


async def create(client: httpx.AsyncClient, body: Json, router_id: str = "r") -> httpx.Response:
    path = "/accounts/acme/routers"
    return await client.post(path, params={"routerId": router_id}, json=body)


async def made(client: httpx.AsyncClient, **body: object) -> Json:
    answer = await create(client, {"deployments": ["a", "b"]} | body)
    assert answer.status_code == 200, answer.text
    router: Json = answer.json()
    return router


@pytest.mark.usefixtures("deployments")
async def test_a_router_has_full_names_whatever_it_was_given(acme: httpx.AsyncClient) -> None:
    weights = {"a": 70, f"{ACME}/b": 30}
    router = await made(acme, deployments=["a", f"{ACME}/b"], weightedRandom={"weights": weights})

    assert router["name"] == ROUTER[1:]
    assert router["deployments"] == [f"{ACME}/a", f"{ACME}/b"]
    assert router["weightedRandom"] == {"weights": {f"{ACME}/a": 70, f"{ACME}/b": 30}}
    assert router["evenLoad"] is None
    assert router["model"] == LLAMA
    assert (router["state"], router["status"]["code"]) == ("READY", "OK")
    assert router["createdBy"] == "accounts/acme/users/admin"
    assert (await acme.get(ROUTER)).json() == router


@pytest.mark.usefixtures("deployments")
async def test_without_a_strategy_requests_are_shared_alike(acme: httpx.AsyncClient) -> None:
    assert (await made(acme))["weightedRandom"] == {"weights": {}}


@pytest.mark.usefixtures("deployments")
async def test_naming_one_strategy_ends_the_other(acme: httpx.AsyncClient) -> None:
    await made(acme, weightedRandom={"weights": {"a": 1, "b": 2}})

    even = (await acme.patch(ROUTER, json={"evenLoad": {}})).json()
    weighted = (
        await acme.patch(ROUTER, json={"weightedRandom": {"weights": {"a": 1, "b": 0}}})
    ).json()

    assert (even["weightedRandom"], even["evenLoad"]) == (None, {})
    assert weighted["evenLoad"] is None
    assert weighted["weightedRandom"]["weights"] == {f"{ACME}/a": 1, f"{ACME}/b": 0}


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ({"deployments": []}, "deployments", "at least one"),
        ({"deployments": ["a", "nothing"]}, "deployments", f"no deployment {ACME}/nothing"),
        ({"deployments": ["a", "a"]}, "deployments", "twice"),
        ({"deployments": ["a", "gone"]}, "deployments", "was deleted"),
        ({"deployments": ["a", "mixtral"]}, "deployments", "serve the same model"),
        ({"deployments": ["a", "private"]}, "deployments", "private"),
        ({"deployments": ["accounts/other/deployments/a"]}, "deployments", "its own account's"),
        ({"deployments": ["accounts/acme/models/a"]}, "deployments", "deployments is needed"),
        ({"model": MIXTRAL}, "model", "the deployments serve"),
        ({"weightedRandom": {}, "evenLoad": {}}, "evenLoad", "not both"),
        ({"weightedRandom": {"weights": {"a": 1}}}, "weightedRandom.weights", "/b has none"),
        (
            {"weightedRandom": {"weights": {"a": 1, "b": 1, "c": 1}}},
            "weightedRandom.weights",
            "/c is",
        ),
        ({"weightedRandom": {"weights": {"a": 0, "b": 0}}}, "weightedRandom.weights", "not all"),
        ({"weightedRandom": {"weights": {"a": -1, "b": 1}}}, "weightedRandom.weights", "from 0 on"),
        ({"aliases": ["Not An Id"]}, "aliases", "cannot be an id"),
    ],
)
async def test_a_router_that_cannot_be_is_refused(
    acme: httpx.AsyncClient, deployments: Deployments, body: Json, param: str, words: str
) -> None:
    await deployments.add("mixtral", baseModel=MIXTRAL)
    await deployments.add("private", vpc={"vpcId": "vpc-1"})
    await deployments.add("gone")
    await deployments.delete("gone")

    answer = await create(acme, {"deployments": ["a", "b"]} | body)

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert words in answer.json()["message"]


@pytest.mark.usefixtures("deployments")
async def test_an_alias_means_one_router(acme: httpx.AsyncClient) -> None:
    await made(acme, aliases=["chat"])

    taken = await create(acme, {"deployments": ["a"], "aliases": ["chat"]}, "other")
    again = await acme.patch(ROUTER, json={"aliases": ["chat", "talk"]})

    assert (taken.status_code, taken.json()["error"]["param"]) == (400, "aliases")
    assert again.json()["aliases"] == ["chat", "talk"]


async def test_a_router_turns_to_deployments_of_another_model(
    acme: httpx.AsyncClient, deployments: Deployments
) -> None:
    await made(acme)
    await deployments.add("mixtral", baseModel=MIXTRAL)

    changed = await acme.patch(ROUTER, json={"deployments": ["mixtral"]})

    assert changed.json()["model"] == MIXTRAL


@pytest.mark.usefixtures("deployments")
async def test_a_deployment_is_in_use_while_a_router_has_it(
    db: Database, acme: httpx.AsyncClient
) -> None:
    await made(acme, deployments=["a"])
    async with db.read() as conn:
        assert await in_use(conn, f"{ACME}/a") == f"The router {ROUTER[1:]} sends requests to it."
        assert await in_use(conn, f"{ACME}/b") is None

    await acme.delete(ROUTER)

    async with db.read() as conn:
        assert await in_use(conn, f"{ACME}/a") is None


@pytest.mark.usefixtures("deployments")
async def test_every_change_is_told_to_gateways(db: Database, acme: httpx.AsyncClient) -> None:
    seen = [(await read_versions(db)).get(DEPLOYMENTS, 0)]
    await made(acme)
    for change in (acme.patch(ROUTER, json={"displayName": "R"}), acme.delete(ROUTER)):
        seen.append((await read_versions(db))[DEPLOYMENTS])
        assert (await change).status_code == 200
    seen.append((await read_versions(db))[DEPLOYMENTS])

    assert seen == sorted(set(seen))


@pytest.mark.usefixtures("deployments")
async def test_who_may_not_deploy_and_who_is_elsewhere_changes_nothing(
    callers: Site, acme: httpx.AsyncClient
) -> None:
    await made(acme)

    async with callers.user(role=Role.INFERENCE_USER) as reader:
        assert (await reader.delete(ROUTER)).status_code == 403
        assert (await reader.get(ROUTER)).status_code == 200
    async with callers.user("other") as stranger:
        assert (await stranger.get(ROUTER)).status_code == 404
