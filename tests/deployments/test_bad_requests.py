"""What a deployment cannot be is refused at once, by the field at fault and with the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.deployments.traffic import Deployments
from tests.running import RunningHearth, running_hearth

Json = dict[str, Any]


@pytest.fixture(scope="module")
def hearth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    with running_hearth(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture(scope="module")
def deployments(hearth: RunningHearth) -> Iterator[Deployments]:
    deployments = Deployments(hearth)
    yield deployments
    deployments.api.close()


LLAMA = "llama-v3p1-70b-instruct"


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({}, "baseModel", "name the model"),
        ({"baseModel": "no-such-model"}, "baseModel", "there is no model"),
        ({"baseModel": LLAMA, "acceleratorType": "h1000"}, "acceleratorType", "h100"),
        (
            {"baseModel": LLAMA, "acceleratorType": "h100", "acceleratorCount": 3},
            "acceleratorCount",
            "1, 2, 4, 8",
        ),
        ({"baseModel": LLAMA, "acceleratorCount": -1}, "acceleratorCount", ">= 0"),
        ({"baseModel": LLAMA, "precision": "fp3"}, "precision", "fp4"),
        ({"baseModel": LLAMA, "placement": {"region": "us-west-9"}}, "placement.region", "us-west"),
        ({"baseModel": LLAMA, "placement": {"multiRegion": "MARS"}}, "placement.multiRegion", "US"),
        ({"baseModel": LLAMA, "minReplicaCount": 3, "maxReplicaCount": 2}, "maxReplicaCount", "3"),
        ({"baseModel": LLAMA, "maxReplicaCount": 0}, "maxReplicaCount", "1 to"),
        ({"baseModel": LLAMA, "maxReplicaCount": "many"}, "maxReplicaCount", "int"),
        ({"baseModel": LLAMA, "engine": "warp"}, "engine", "llamacpp"),
        ({"baseModel": LLAMA, "engineOptions": {"colour": "red"}}, "engineOptions", "colour"),
        ({"baseModel": LLAMA, "engineOptions": {"slots": "many"}}, "engineOptions", "int"),
        (
            {"baseModel": LLAMA, "autoscalingPolicy": {"scaleUpWindow": "soon"}},
            "autoscalingPolicy.scaleUpWindow",
            "90s, 5m or 1h30m",
        ),
        (
            {"baseModel": LLAMA, "autoscalingPolicy": {"scaleToZeroWindow": "10s"}},
            "autoscalingPolicy.scaleToZeroWindow",
            "5m",
        ),
        ({"baseModel": LLAMA, "expireTime": "2020-01-01T00:00:00Z"}, "expireTime", "past"),
        ({"baseModel": LLAMA, "name": "accounts/other/deployments/x"}, "name", "accounts/dev"),
        ({"baseModel": "whisper-v3"}, "baseModel", "cannot be deployed"),
    ],
)
def test_a_deployment_that_cannot_be(
    deployments: Deployments, fields: Json, param: str, words: str
) -> None:
    answer = deployments.api.post("/deployments", json=fields)

    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == param
    assert words in answer.json()["message"]


def test_a_model_that_does_not_fit_says_how_much_is_missing_and_what_would_hold_it(
    deployments: Deployments,
) -> None:
    asked = {"baseModel": "deepseek-v3", "acceleratorType": "b200", "precision": "fp4"}
    answer = deployments.api.post("/deployments", json=asked | {"acceleratorCount": 1})

    body = answer.json()
    assert answer.status_code == 400
    assert body["error"]["param"] == "acceleratorCount"
    (details,) = body["details"]
    assert details["kind"] == "does_not_fit"
    assert int(details["missingBytes"]) > 100e9
    smallest = details["smallestAcceleratorCount"]
    fits = deployments.api.post(
        "/deployments",
        params={"validateOnly": "true"},
        json=asked | {"acceleratorCount": smallest},
    )
    assert fits.status_code == 200


def test_checks_of_size_can_be_left_out(deployments: Deployments) -> None:
    body = {
        "baseModel": "deepseek-v3",
        "acceleratorType": "NVIDIA_B200_180GB",
        "acceleratorCount": 1,
        "disableDeploymentSizeValidation": True,
    }

    answer = deployments.api.post("/deployments", params={"validateOnly": "true"}, json=body)

    assert answer.status_code == 200


def test_a_deployment_on_accelerators_that_are_not_here_says_so_everywhere(
    deployments: Deployments,
) -> None:
    made = deployments.create(
        "labelled", baseModel=LLAMA, acceleratorType="NVIDIA_H100_80GB", acceleratorCount=2
    )

    assert made["emulated"] is True
    assert "Emulated: 2 x NVIDIA_H100_80GB" in made["status"]["message"]
    deployments.wait_ready("labelled", 1)
    told = deployments.get("labelled")
    assert "Emulated" in told["status"]["message"]
    assert told["standIn"] == "fake"
    assert told["pricePerHour"] == "11.60"
    assert all(each["emulated"] for each in deployments.replicas("labelled"))


def test_what_nothing_here_uses_is_named(deployments: Deployments) -> None:
    answer = deployments.api.post(
        "/deployments",
        params={"validateOnly": "true"},
        json={
            "baseModel": LLAMA,
            "draftModel": "small",
            "autoTune": {"longPrompt": True},
            "colour": "red",
        },
    )

    assert answer.headers["x-ignored-fields"] == "draftModel,autoTune,colour"
    assert answer.json()["autoTune"] == {"longPrompt": True}


def test_more_replicas_than_the_maximum_cannot_be_asked_for(deployments: Deployments) -> None:
    deployments.create("small", maxReplicaCount=2)

    answer = deployments.api.patch("/deployments/small:scale", json={"replicaCount": 3})

    assert answer.status_code == 400
    assert "raise its maxReplicaCount" in answer.json()["message"]
    missing = deployments.api.patch("/deployments/none:scale", json={"replicaCount": 1})
    assert missing.status_code == 404


def test_the_base_model_stays(deployments: Deployments) -> None:
    deployments.create("fixed", baseModel=LLAMA)

    same = deployments.api.patch("/deployments/fixed", json={"baseModel": LLAMA})
    other = deployments.api.patch("/deployments/fixed", json={"baseModel": "mixtral-8x7b-instruct"})

    assert same.status_code == 200
    assert (other.status_code, other.json()["error"]["param"]) == (400, "baseModel")


def test_requests_that_name_no_deployment_of_the_account_find_no_model(
    hearth: RunningHearth, deployments: Deployments
) -> None:
    deployments.create("named", baseModel=LLAMA)
    names = [
        "accounts/dev/deployments/none",
        f"{LLAMA}#accounts/dev/deployments/none",
        "accounts/other/deployments/named",
        "mixtral-8x7b-instruct#accounts/dev/deployments/named",
    ]
    with hearth.client() as api:
        answers = [
            api.post(
                "/chat/completions",
                json={"model": name, "messages": [{"role": "user", "content": "Hello?"}]},
            )
            for name in names
        ]

    assert [each.status_code for each in answers] == [404] * 4
    sentence = "Model not found, inaccessible, and/or not deployed"
    assert {each.json()["error"]["message"] for each in answers} == {sentence}
