"""Shapes that accounts make themselves, and what becomes of their versions."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from hearth.accounts import Role
from hearth.deployments.shapes import versions
from tests.deployments.shapes.conftest import Setting

SHAPES = "/accounts/acme/deploymentShapes"
OURS = f"{SHAPES}/ours"
BIG = "llama-v3p1-70b-instruct"
FITS = {"baseModel": BIG, "acceleratorType": "h100", "acceleratorCount": 2, "precision": "fp8"}

Json = dict[str, Any]


async def make(client: httpx.AsyncClient, shape_id: str = "ours", **fields: object) -> Json:
    body = FITS | fields
    answer = await client.post(SHAPES, params={"deploymentShapeId": shape_id}, json=body)
    assert answer.status_code == 200, answer.text
    made: Json = answer.json()
    return made


async def change(client: httpx.AsyncClient, **fields: object) -> Json:
    params = {name: "true" for name in ("fromLatestValidated",) if fields.pop(name, False)}
    answer = await client.patch(OURS, params=params, json=fields)
    assert answer.status_code == 200, answer.text
    changed: Json = answer.json()
    return changed


async def listed(client: httpx.AsyncClient) -> list[tuple[str, bool, bool]]:
    """Id, validated and latest validated of each version."""
    page = (await client.get(f"{OURS}/versions")).json()
    return [
        (each["name"].rpartition("/")[2], each["validated"], each["latestValidated"])
        for each in page["deploymentShapeVersions"]
    ]


async def test_a_shape_is_made_with_names_in_the_spelling_of_the_contract(
    acme: httpx.AsyncClient,
) -> None:
    made = await make(acme)

    assert made["name"] == OURS[1:]
    assert made["baseModel"] == f"accounts/fireworks/models/{BIG}"
    assert (made["acceleratorType"], made["precision"]) == ("NVIDIA_H100_80GB", "FP8")
    assert made["parameterCount"] == "70553706496"
    assert (await acme.get(OURS)).json() == made
    assert await listed(acme) == [("v1", True, True)]


async def test_what_is_left_open_is_the_smallest_that_fits(acme: httpx.AsyncClient) -> None:
    made = (await acme.post(SHAPES, json={"baseModel": BIG})).json()

    assert made["acceleratorType"] == "NVIDIA_A100_80GB"
    assert (made["acceleratorCount"], made["precision"]) == (4, "BF16")


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"acceleratorCount": 1}, "acceleratorCount", "GB are missing; 2 of them hold it"),
        ({"acceleratorCount": 3}, "acceleratorCount", "1, 2, 4, 8, 16"),
        ({"acceleratorType": "h99"}, "acceleratorType", "Known are"),
        ({"precision": "fp7"}, "precision", "Did you mean"),
        ({"baseModel": "nothing"}, "baseModel", "no model"),
        ({"baseModel": ""}, "baseModel", "name the model"),
        ({"maxContextLength": 200_000}, "maxContextLength", "131072"),
        ({"presetType": "CHEAP"}, "presetType", "CHEAP"),
    ],
)
async def test_a_shape_that_cannot_be_is_refused(
    acme: httpx.AsyncClient, fields: Json, param: str, words: str
) -> None:
    params = {"deploymentShapeId": "ours"}
    answer = await acme.post(SHAPES, params=params, json=FITS | fields)

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert words in answer.json()["message"]


async def test_without_the_check_of_its_size_a_shape_is_not_validated(
    acme: httpx.AsyncClient,
) -> None:
    await make(acme, acceleratorCount=1, disableDeploymentSizeValidation=True)

    assert await listed(acme) == [("v1", False, False)]


async def test_each_change_of_hardware_makes_a_version(acme: httpx.AsyncClient) -> None:
    await make(acme)
    await change(acme, displayName="Ours")
    await change(acme, acceleratorCount=4)
    await change(acme, acceleratorCount=1, disableDeploymentSizeValidation=True)

    assert await listed(acme) == [("v1", True, False), ("v2", True, True), ("v3", False, False)]
    first = (await acme.get(f"{OURS}/versions/v1")).json()
    assert first["snapshot"]["acceleratorCount"] == 2


async def test_a_change_may_begin_from_the_last_validated_version(
    acme: httpx.AsyncClient,
) -> None:
    await make(acme, maxContextLength=8192)
    await change(acme, acceleratorCount=1, disableDeploymentSizeValidation=True)

    changed = await change(acme, precision="bf16", acceleratorCount=4, fromLatestValidated=True)

    assert (changed["acceleratorCount"], changed["precision"]) == (4, "BF16")
    assert changed["disableDeploymentSizeValidation"] is False
    assert changed["maxContextLength"] == 8192


async def test_the_flags_of_a_version_can_be_set(acme: httpx.AsyncClient) -> None:
    await make(acme)
    await change(acme, acceleratorCount=4)

    changed = (await acme.patch(f"{OURS}/versions/v2", json={"validated": False})).json()

    assert changed["validated"] is changed["latestValidated"] is False
    assert await listed(acme) == [("v1", True, True), ("v2", False, False)]
    wrong = await acme.patch(f"{OURS}/versions/v2", json={"public": "yes"})
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "public")
    assert (await acme.patch(f"{OURS}/versions/v9", json={})).status_code == 404


async def test_others_see_a_public_version_and_nothing_else(
    acme: httpx.AsyncClient, other: httpx.AsyncClient
) -> None:
    await make(acme)
    await change(acme, acceleratorCount=4)
    await acme.patch(f"{OURS}/versions/v2", json={"public": True})

    found = await other.get(f"{OURS}/versions/v2")
    hidden = [
        await other.get(OURS),
        await other.get(SHAPES),
        await other.get(f"{OURS}/versions"),
        await other.get(f"{OURS}/versions/v1"),
        await other.patch(f"{OURS}/versions/v2", json={"public": False}),
    ]

    assert found.json()["snapshot"]["acceleratorCount"] == 4
    assert [answer.status_code for answer in hidden] == [404] * 5


async def test_own_shapes_match_after_the_shipped_ones(
    acme: httpx.AsyncClient,
) -> None:
    await make(acme)
    await make(acme, "unchecked", disableDeploymentSizeValidation=True)

    body = {"createDeploymentRequest": {"deployment": {"baseModel": BIG}}}
    match = await acme.post("/accounts/acme/deploymentShapeVersions:match", json=body)
    matched = [each["name"] for each in match.json()["deploymentShapeVersions"]]
    own = (await acme.get(SHAPES)).json()
    suitable = (await acme.get(SHAPES, params={"targetModel": BIG})).json()
    all_versions = (await acme.get("/accounts/acme/deploymentShapeVersions")).json()
    for_model = {"targetModel": BIG}
    usable = (await acme.get(f"{SHAPES}/-/versions", params=for_model)).json()

    assert matched[-1] == f"{OURS[1:]}/versions/v1"
    assert len(matched) == 5
    assert own["totalSize"] == 2
    assert suitable["totalSize"] == 2
    assert all_versions["totalSize"] == 2
    assert usable["totalSize"] == 6


async def test_the_oldest_versions_go_but_never_the_one_in_use(
    acme: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "MAX_VERSIONS", 3)
    await make(acme)
    for tokens in (1000, 2000, 3000, 4000):
        await change(acme, maxContextLength=tokens, disableDeploymentSizeValidation=True)

    assert await listed(acme) == [("v1", True, True), ("v4", False, False), ("v5", False, False)]


async def test_a_deleted_shape_is_gone_with_its_versions(acme: httpx.AsyncClient) -> None:
    await make(acme)

    assert (await acme.delete(OURS)).json() == {}

    assert (await acme.get(OURS)).status_code == 404
    assert (await acme.get(f"{OURS}/versions/v1")).status_code == 404


async def test_who_may_not_deploy_may_read_and_change_nothing(
    setting: Setting, acme: httpx.AsyncClient
) -> None:
    await make(acme)

    async with setting.callers.user(role=Role.INFERENCE_USER) as reader:
        answers = [
            await reader.post(SHAPES, json=FITS),
            await reader.patch(OURS, json={"acceleratorCount": 4}),
            await reader.delete(OURS),
            await reader.patch(f"{OURS}/versions/v1", json={"public": True}),
        ]
        assert (await reader.get(OURS)).status_code == 200

    assert [answer.status_code for answer in answers] == [403] * 4
