"""Shipped shapes and their versions, as every account reads them."""

from __future__ import annotations

import httpx
import pytest

from tests.deployments.shapes.conftest import ADAPTER

SHIPPED = "/accounts/fireworks/deploymentShapes"
LLAMA = "accounts/fireworks/models/llama-v3p1-8b-instruct"
MINIMAL = f"{SHIPPED}/llama-v3p1-8b-instruct-minimal"
MATCH = "/accounts/acme/deploymentShapeVersions:match"


def request_for(**deployment: object) -> dict[str, object]:
    return {"createDeploymentRequest": {"parent": "accounts/acme", "deployment": deployment}}


async def matched(client: httpx.AsyncClient, **deployment: object) -> list[str]:
    answer = await client.post(MATCH, json=request_for(**deployment))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["nextPageToken"] == ""
    assert body["totalSize"] == len(body["deploymentShapeVersions"])
    return [each["snapshot"]["presetType"] for each in body["deploymentShapeVersions"]]


async def test_the_shapes_of_a_model_are_found_by_it(acme: httpx.AsyncClient) -> None:
    params = {"targetModel": "mixtral-8x22b-instruct"}
    page = (await acme.get(SHIPPED, params=params)).json()

    presets = {shape["presetType"] for shape in page["deploymentShapes"]}
    assert presets == {"MINIMAL", "FAST", "THROUGHPUT", "FULL_PRECISION"}
    assert page["totalSize"] == 4


async def test_a_shape_says_everything_of_its_hardware_and_model(acme: httpx.AsyncClient) -> None:
    shape = (await acme.get(MINIMAL, params={"skipShapeValidation": "true"})).json()

    assert shape["name"] == MINIMAL[1:]
    assert shape["baseModel"] == LLAMA
    assert shape["presetType"] == "MINIMAL"
    assert (shape["acceleratorType"], shape["acceleratorCount"]) == ("NVIDIA_A100_80GB", 1)
    assert shape["precision"] == "BF16"
    assert shape["enableAddons"] is True
    assert shape["parameterCount"] == "8030261248"
    assert shape["modelType"] == "chat"
    assert shape["createTime"]


async def test_a_shipped_shape_has_one_validated_version(acme: httpx.AsyncClient) -> None:
    page = (await acme.get(f"{MINIMAL}/versions")).json()

    (version,) = page["deploymentShapeVersions"]
    assert version["name"] == f"{MINIMAL[1:]}/versions/v1"
    assert version["validated"] is version["latestValidated"] is version["public"] is True
    assert version["snapshot"] == (await acme.get(MINIMAL)).json()
    assert (await acme.get(f"{MINIMAL}/versions/v1")).json() == version


async def test_lists_filter_order_and_page(acme: httpx.AsyncClient) -> None:
    query = {"filter": 'preset_type = FAST AND base_model:"deepseek"', "orderBy": "name desc"}
    fast = (await acme.get(SHIPPED, params=query)).json()
    names = [shape["name"].rpartition("/")[2] for shape in fast["deploymentShapes"]]
    assert names == sorted(names, reverse=True)
    assert "deepseek-v3-fast" in names

    first = (await acme.get(SHIPPED, params={"pageSize": "2"})).json()
    token = first["nextPageToken"]
    second = (await acme.get(SHIPPED, params={"pageSize": "2", "pageToken": token})).json()
    seen = [shape["name"] for page in (first, second) for shape in page["deploymentShapes"]]
    assert seen == sorted(set(seen))
    assert first["totalSize"] > 60


async def test_versions_of_all_shapes_are_listed_together(acme: httpx.AsyncClient) -> None:
    params = {"filter": "snapshot.precision = BF16", "pageSize": "200"}
    for path in (
        "/accounts/fireworks/deploymentShapeVersions",
        "/accounts/fireworks/deploymentShapes/-/versions",
    ):
        page = (await acme.get(path, params=params)).json()

        found = {each["snapshot"]["precision"] for each in page["deploymentShapeVersions"]}
        assert found == {"BF16"}
        assert page["totalSize"] > 20


async def test_a_request_is_matched_with_the_shapes_that_suit_it(acme: httpx.AsyncClient) -> None:
    assert await matched(acme, baseModel=LLAMA) == ["MINIMAL", "FAST", "THROUGHPUT"]
    assert await matched(acme, baseModel=LLAMA, enableAddons=True) == ["MINIMAL", "THROUGHPUT"]
    assert await matched(acme, baseModel=LLAMA, acceleratorType="h200") == ["FAST"]
    assert await matched(acme, baseModel=LLAMA, acceleratorCount=16) == []


async def test_an_adapter_is_matched_as_its_base_model(acme: httpx.AsyncClient) -> None:
    assert await matched(acme, baseModel=ADAPTER) == await matched(acme, baseModel=LLAMA)
    assert await matched(acme, baseModel="polite", enableAddons=True) == ["MINIMAL", "THROUGHPUT"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (request_for(baseModel="no-such-model"), "targetModel"),
        (
            {"createDeploymentRequest": {"parent": "accounts/other"}},
            "createDeploymentRequest.parent",
        ),
        ({}, None),
    ],
)
async def test_a_match_that_cannot_be_is_refused(
    acme: httpx.AsyncClient, body: dict[str, object], param: str | None
) -> None:
    answer = await acme.post(MATCH, json=body)

    assert answer.status_code == 400
    assert answer.json()["error"].get("param") == param


async def test_nobody_changes_what_ships(acme: httpx.AsyncClient) -> None:
    answers = [
        await acme.post(SHIPPED, json={"baseModel": LLAMA}),
        await acme.patch(MINIMAL, json={"acceleratorCount": 2}),
        await acme.delete(MINIMAL),
        await acme.patch(f"{MINIMAL}/versions/v1", json={"public": False}),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert (await acme.get(MINIMAL)).json()["acceleratorCount"] == 1


async def test_what_is_not_there_is_not_found(acme: httpx.AsyncClient) -> None:
    for path in (
        f"{SHIPPED}/no-such-shape",
        f"{SHIPPED}/no-such-shape/versions",
        f"{MINIMAL}/versions/v2",
        "/accounts/other/deploymentShapes",
    ):
        assert (await acme.get(path)).status_code == 404, path
