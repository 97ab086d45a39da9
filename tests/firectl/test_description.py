"""The commands of the platform's description, in its order, on a Hearth that was just started."""

from __future__ import annotations

import io
import re
import shlex
from pathlib import Path

import pytest

from tests.catalog.weights import gguf_bytes
from tests.firectl.terminal import typed
from tests.running import RunningHearth


def done(text: str) -> str:
    """Type a line of the description; what it printed."""
    ran = typed(*shlex.split(text)[1:])
    assert ran.status == 0, f"{text}: {ran.err}"
    return ran.out


def deployment_id(out: str) -> str:
    """The id that a script would take from the output, as other people's scripts do."""
    found = re.search(r"deployments/([a-z0-9-]+)", out)
    assert found is not None, out
    assert re.search(r"^State: ", out, re.MULTILINE), out
    return found.group(1)


def test_models_and_who_is_calling(hearth: RunningHearth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))

    done("firectl login")
    assert "accounts/dev" in done("firectl whoami")
    assert "deepseek-v3" in done("firectl list models")
    assert "accounts/" in done("firectl list models --category experimental")
    assert "Kind: HF_BASE_MODEL" in done("firectl get model llama-v3p1-8b-instruct")


def test_a_deployment_on_the_newest_accelerator(hearth: RunningHearth) -> None:
    made = done(
        "firectl create deployment --model deepseek-v3 --gpu-type b200 --gpu-count 1 "
        "--precision fp4 --max-tokens-per-second 300"
    )

    assert "Max Tokens Per Second: 300" in made
    name = deployment_id(made)
    assert "Replica Count: " in done(f"firectl get deployment {name} --metrics")
    done(f"firectl delete deployment {name}")


def test_a_deployment_with_regions_to_fall_back_to(hearth: RunningHearth) -> None:
    assert done("firectl list regions").count("\n") >= 18
    made = done(
        "firectl create deployment --model llama-v4-scout --region us-west-2 "
        "--fallback-regions eu-west-1,asia-southeast-1 --auto-scale true"
    )

    assert "  Regions: eu-west-1, asia-southeast-1\n" in made
    assert "Max Replica Count: 2\n" in made
    done(f"firectl delete deployment {deployment_id(made)}")


def test_a_private_deployment_of_a_model_of_ones_own(
    hearth: RunningHearth, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "model.gguf").write_bytes(gguf_bytes(home))
    done("firectl create model custom-model ./model.gguf")
    done("firectl create security-group sg-67890 --cidrs 10.0.0.0/8")

    made = done(
        "firectl create vpc-deployment --model custom-model --vpc-id vpc-12345 "
        "--security-groups sg-67890 --compliance-mode hipaa"
    )

    assert "  Vpc Id: vpc-12345\n" in made
    assert "  Compliance Mode: hipaa\n" in made
    done(f"firectl delete vpc-deployment {deployment_id(made)} --hard --ignore-checks --wait")
    done("firectl delete security-group sg-67890")
    done("firectl delete model custom-model")


def test_a_deployment_on_demand(hearth: RunningHearth) -> None:
    made = done(
        "firectl create deployment --model llama-v3p1-70b-instruct --name my-deployment "
        "--gpu-type h100 --gpu-count 2 --max-replicas 4"
    )

    assert deployment_id(made) == "my-deployment"
    assert "my-deployment" in done("firectl list deployments")
    assert "Accelerator Type: NVIDIA_H100_80GB" in done("firectl get deployment my-deployment")
    done("firectl delete deployment my-deployment")
    assert "my-deployment" not in done("firectl list deployments")
