"""The commands that the platform's description types, word for word, and what each one sends."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from tests.firectl.terminal import KEY, World, typed

DEPLOYMENTS = "/v1/accounts/dev/deployments"
SENT: list[tuple[str, str, Any]] = [
    (
        "firectl create deployment --model deepseek-v3 --gpu-type b200 --gpu-count 1 "
        "--precision fp4 --max-tokens-per-second 300",
        f"POST {DEPLOYMENTS}",
        {
            "baseModel": "deepseek-v3",
            "acceleratorType": "NVIDIA_B200_180GB",
            "acceleratorCount": 1,
            "precision": "FP4",
            "maxTokensPerSecond": 300,
        },
    ),
    (
        "firectl create deployment --model llama-v4-scout --region us-west-2 "
        "--fallback-regions eu-west-1,asia-southeast-1 --auto-scale true",
        f"POST {DEPLOYMENTS}",
        {
            "baseModel": "llama-v4-scout",
            "placement": {"region": "us-west-2", "regions": ["eu-west-1", "asia-southeast-1"]},
            "minReplicaCount": 0,
            "maxReplicaCount": 2,
        },
    ),
    (
        "firectl create vpc-deployment --model custom-model --vpc-id vpc-12345 "
        "--security-groups sg-67890 --compliance-mode hipaa",
        f"POST {DEPLOYMENTS}",
        {
            "baseModel": "custom-model",
            "vpc": {
                "vpcId": "vpc-12345",
                "securityGroups": ["sg-67890"],
                "complianceMode": "hipaa",
            },
        },
    ),
    (
        "firectl create deployment --model llama-v3p1-70b-instruct --name my-deployment "
        "--gpu-type h100 --gpu-count 2 --max-replicas 4",
        f"POST {DEPLOYMENTS}?deploymentId=my-deployment",
        {
            "baseModel": "llama-v3p1-70b-instruct",
            "displayName": "my-deployment",
            "acceleratorType": "NVIDIA_H100_80GB",
            "acceleratorCount": 2,
            "maxReplicaCount": 4,
        },
    ),
    (
        "firectl get deployment DEPLOYMENT_ID --metrics",
        f"GET {DEPLOYMENTS}/DEPLOYMENT_ID:metrics",
        None,
    ),
    ("firectl list regions", "GET /v1/accounts/dev/regions?pageSize=200", None),
    ("firectl list deployments", f"GET {DEPLOYMENTS}?pageSize=200", None),
    ("firectl get deployment DEPLOYMENT_ID", f"GET {DEPLOYMENTS}/DEPLOYMENT_ID", None),
    ("firectl delete deployment DEPLOYMENT_ID", f"DELETE {DEPLOYMENTS}/DEPLOYMENT_ID", None),
    ("firectl list models", "GET /v1/accounts/dev/models?pageSize=200", None),
    (
        "firectl list models --category experimental",
        "GET /v1/accounts/dev/models?pageSize=200&filter=category+%3D+%22experimental%22",
        None,
    ),
    ("firectl get model MODEL_ID", "GET /v1/accounts/dev/models/MODEL_ID", None),
    (
        "firectl download model MODEL_ID ./local_path",
        "GET /v1/accounts/dev/models/MODEL_ID:getDownloadEndpoint",
        None,
    ),
    ("firectl whoami", "GET /verifyApiKey", None),
]


@pytest.mark.parametrize(("line", "request_line", "body"), SENT, ids=[each[0] for each in SENT])
def test_each_command_sends_what_it_says(
    world: World, line: str, request_line: str, body: Any
) -> None:
    ran = typed(*shlex.split(line)[1:], "--dry-run")

    method, path = request_line.split(" ")
    assert (ran.status, ran.err) == (0, "")
    assert ran.request == f"{method} {world.url}{path}"
    assert body is None or ran.body == body
    assert world.received == []
    assert KEY not in ran.out


def test_the_sign_in_of_the_description_keeps_the_key(world: World) -> None:
    assert typed("login", "--api-key", "fw_other").status == 0
    assert typed("whoami").status == 0
