"""A router in front of two deployments of a real Hearth, under requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.deployments.traffic import Deployments, wait_until
from tests.running import RunningHearth, running_hearth

ROUTER = "accounts/dev/routers/shared"
A, B = "accounts/dev/deployments/a", "accounts/dev/deployments/b"
REQUESTS = 400
BOUND = 46
"Five standard deviations of 400 draws at 70 to 30."


@pytest.fixture(scope="module")
def hearth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    home: Path = tmp_path_factory.mktemp("routed")
    with running_hearth(home) as running:
        yield running


@pytest.fixture(scope="module")
def deployments(hearth: RunningHearth) -> Iterator[Deployments]:
    """`a` and `b`, ready, behind a router that gives `a` 70 of 100 requests."""
    deployments = Deployments(hearth)
    for deployment_id in ("a", "b"):
        deployments.create(deployment_id, minReplicaCount=1)
    for deployment_id in ("a", "b"):
        deployments.wait_ready(deployment_id, 1)
    body = {"deployments": ["a", "b"], "weightedRandom": {"weights": {"a": 70, "b": 30}}}
    params = {"routerId": "shared"}
    made = deployments.api.post("/routers", params=params, json=body | {"aliases": ["talk"]})
    assert made.status_code == 200, made.text
    yield deployments
    deployments.api.close()


@pytest.fixture(scope="module")
def client(hearth: RunningHearth, deployments: Deployments) -> Iterator[httpx.Client]:
    """What requests of the router are sent by, once its gateway knows it."""
    with hearth.client() as client:
        wait_until(lambda: ask(client).status_code == 200, "the router is not known")
        yield client


def ask(client: httpx.Client, model: str = ROUTER, **headers: str) -> httpx.Response:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 1,
    }
    return client.post("/chat/completions", json=body, headers=headers)


def answered_by(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    name: str = answer.headers["fireworks-deployment"]
    return name


def test_requests_are_shared_by_weight_and_answers_say_who_gave_them(client: httpx.Client) -> None:
    counts = Counter(answered_by(ask(client)) for _ in range(REQUESTS))

    assert counts.keys() == {A, B}
    assert abs(counts[A] - 0.7 * REQUESTS) <= BOUND, counts


@pytest.mark.parametrize("name", [ROUTER, "talk", ROUTER.replace("/", "%2F")])
def test_a_router_goes_by_its_name_and_its_aliases(client: httpx.Client, name: str) -> None:
    answer = ask(client, name)

    assert answered_by(answer) in {A, B}
    assert answer.headers["x-hearth-router"] == ROUTER
    assert "x-hearth-not-ready" not in answer.headers
    assert answer.json()["model"] == name


def test_sessions_stay_with_their_deployment(client: httpx.Client) -> None:
    places = {
        session: {answered_by(ask(client, **{"x-session-affinity": session})) for _ in range(5)}
        for session in map(str, range(12))
    }

    assert all(len(each) == 1 for each in places.values())
    assert set().union(*places.values()) == {A, B}


def test_an_unknown_router_is_not_found(client: httpx.Client) -> None:
    answer = ask(client, "accounts/dev/routers/nothing")

    assert answer.status_code == 404
    assert "no router" in answer.text


def test_a_deployment_behind_a_router_is_not_deleted(deployments: Deployments) -> None:
    refused = deployments.api.delete("/deployments/b")

    assert refused.status_code == 400
    assert f"The router {ROUTER}" in refused.json()["message"]


def test_who_is_not_ready_is_left_out_named_and_woken(
    client: httpx.Client, deployments: Deployments
) -> None:
    deployments.update("a", minReplicaCount=0)
    deployments.scale("a", 0)
    wait_until(lambda: "x-hearth-not-ready" in ask(client).headers, "it stays ready")

    answer = ask(client)

    assert answered_by(answer) == B
    assert answer.headers["x-hearth-not-ready"] == A
    wait_until(lambda: answered_by(ask(client)) == A, "nobody wakes it")
