"""What a deployment gets that names a shape."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from hearth.deployments.shapes.types import DeploymentShapeVersion
from hearth.deployments.types import Deployment
from hearth.errors import InvalidRequest
from hearth.resources import BY_OPERATOR, Asking
from tests.deployments.shapes.conftest import Setting

NAME = "accounts/acme/deployments/d"
LLAMA = "accounts/fireworks/models/llama-v3p1-70b-instruct"
SHIPPED = "accounts/fireworks/deploymentShapes"
SKIP = Asking(params={"skipShapeValidation": "true"})


async def completed(
    setting: Setting,
    asking: Asking = BY_OPERATOR,
    **fields: Any,  # Any: fields of a deployment
) -> Deployment:
    wanted = {"name": NAME, "base_model": LLAMA} | fields
    async with setting.db.read() as conn:
        return await setting.completer(conn, Deployment(**wanted), asking)


async def refusal(setting: Setting, **fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        await completed(setting, **fields)
    return refused.value


async def test_without_a_shape_a_deployment_stays_as_it_is(setting: Setting) -> None:
    assert await completed(setting) == Deployment(name=NAME, base_model=LLAMA)


@pytest.mark.parametrize(
    "shape",
    [
        "throughput",
        "THROUGHPUT",
        "llama-v3p1-70b-instruct-throughput",
        f"{SHIPPED}/llama-v3p1-70b-instruct-throughput",
        f"{SHIPPED}/llama-v3p1-70b-instruct-throughput/versions/v1",
    ],
)
async def test_it_gets_what_the_shape_says_and_names_its_version(
    setting: Setting, shape: str
) -> None:
    deployment = await completed(setting, deployment_shape=shape)

    assert deployment.accelerator_type == "NVIDIA_H100_80GB"
    assert (deployment.accelerator_count, deployment.precision) == (8, "FP8")
    assert deployment.enable_addons
    assert deployment.deployment_shape == (
        f"{SHIPPED}/llama-v3p1-70b-instruct-throughput/versions/v1"
    )


async def test_what_it_says_itself_may_be_the_same(setting: Setting) -> None:
    deployment = await completed(
        setting, deployment_shape="fast", accelerator_type="h200", precision="fp8"
    )

    assert deployment.accelerator_count == 2


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"accelerator_type": "a100"}, "acceleratorType"),
        ({"accelerator_count": 1}, "acceleratorCount"),
        ({"precision": "bf16"}, "precision"),
        ({"max_context_length": 4096}, "maxContextLength"),
        ({"enable_addons": True}, "enableAddons"),
        ({"accelerator_type": "h99"}, "acceleratorType"),
    ],
)
async def test_what_differs_from_the_shape_is_refused_by_name(
    setting: Setting, fields: dict[str, Any], param: str
) -> None:
    error = await refusal(setting, deployment_shape="fast", **fields)

    assert error.param == param


async def test_without_validation_its_own_fields_win(setting: Setting) -> None:
    deployment = await completed(setting, SKIP, deployment_shape="fast", accelerator_count=4)

    assert (deployment.accelerator_type, deployment.accelerator_count) == ("NVIDIA_H200_141GB", 4)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ("cheapest", "minimal, fast, throughput"),
        (f"{SHIPPED}/nothing", "there is no shape"),
        ("accounts/other/deploymentShapes/secret", "there is no shape"),
        ("llama-v3p1-8b-instruct-fast", "is for accounts/fireworks/models/llama-v3p1-8b-instruct"),
    ],
)
async def test_a_shape_that_it_cannot_have_is_refused(
    setting: Setting, shape: str, words: str
) -> None:
    error = await refusal(setting, deployment_shape=shape)

    assert error.param == "deploymentShape"
    assert words in error.message


async def test_an_unknown_base_model_is_left_to_the_rules_of_deployments(setting: Setting) -> None:
    deployment = await completed(setting, base_model="nothing", deployment_shape="fast")

    assert deployment.deployment_shape == "fast"


async def own_version(
    setting: Setting, client: httpx.AsyncClient, **fields: object
) -> DeploymentShapeVersion | None:
    body = {"baseModel": LLAMA, "acceleratorType": "h100", "acceleratorCount": 2} | fields
    path = "/accounts/acme/deploymentShapes"
    made = await client.post(path, params={"deploymentShapeId": "ours"}, json=body)
    assert made.status_code == 200, made.text
    async with setting.db.read() as conn:
        name = "accounts/acme/deploymentShapes/ours/versions/v1"
        return await setting.book.find_version(conn, name, reader="acme")


async def test_an_own_shape_serves_by_its_id(setting: Setting, acme: httpx.AsyncClient) -> None:
    version = await own_version(setting, acme)

    deployment = await completed(setting, deployment_shape="ours")

    assert version is not None
    assert deployment.deployment_shape == version.name
    assert deployment.accelerator_count == 2


async def test_a_version_that_was_never_validated_needs_a_word(
    setting: Setting, acme: httpx.AsyncClient
) -> None:
    await own_version(setting, acme, acceleratorCount=1, disableDeploymentSizeValidation=True)

    error = await refusal(setting, deployment_shape="ours")
    deployment = await completed(setting, SKIP, deployment_shape="ours")

    assert "never validated" in error.message
    assert deployment.accelerator_count == 1
    assert deployment.disable_deployment_size_validation


async def test_another_account_uses_a_version_once_it_is_public(
    setting: Setting, acme: httpx.AsyncClient
) -> None:
    version = await own_version(setting, acme)
    assert version is not None
    theirs: dict[str, Any] = {
        "name": "accounts/other/deployments/d",
        "deployment_shape": version.name,
    }

    assert "there is no shape" in (await refusal(setting, **theirs)).message
    await acme.patch(f"/{version.name}", json={"public": True})

    assert (await completed(setting, **theirs)).accelerator_count == 2
