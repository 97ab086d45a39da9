"""Models, regions, deployments and what hangs on them, typed against a real Hearth."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.catalog.weights import gguf_bytes, write_safetensors
from tests.firectl.terminal import Ran, typed
from tests.running import RunningHearth


def line(text: str) -> Ran:
    """Type a line as it stands in a document."""
    return typed(*shlex.split(text)[1:])


@pytest.fixture
def deployment(hearth: RunningHearth) -> Iterator[str]:
    """A deployment that is ready, and gone afterwards."""
    made = line(
        "firectl create deployment --model llama-v3p1-8b-instruct --name on-h100 --gpu-type h100 "
        "--gpu-count 1 --min-replicas 1 --max-replicas 2 --wait --wait-timeout 30s"
    )
    assert made.status == 0, made.err
    yield "on-h100"
    line("firectl delete deployment on-h100 --hard --ignore-checks --wait")


def test_regions_are_listed_with_their_clouds(hearth: RunningHearth) -> None:
    rows = line("firectl list regions -o json").body

    emulated = [each for each in rows if each["emulated"]]
    assert (len(emulated), len({each["cloud"] for each in emulated})) == (18, 8)
    assert "us-west-2 " in line("firectl list regions").out
    assert "Cloud: aws\n" in line("firectl get region us-west-2").out


def test_a_shelf_of_models_is_listed_and_an_unknown_one_is_empty(hearth: RunningHearth) -> None:
    assert len(line("firectl list models --category experimental -o json").body) > 0
    assert line("firectl list models --category no-such-shelf -o json").body == []


def test_a_deployment_is_made_watched_scaled_changed_and_deleted(deployment: str) -> None:
    shown = line(f"firectl get deployment {deployment}")
    assert "State: READY\n" in shown.out
    assert "Emulated: true\n" in shown.out
    assert "Display Name: on-h100\n" in shown.out
    assert f"accounts/dev/deployments/{deployment} " in line("firectl list deployments").out
    assert "Replica Count: 1" in line(f"firectl get deployment {deployment} --metrics").out
    explained = line(f"firectl get deployment {deployment} --explain").out
    assert "chosen" in explained
    assert line(f"firectl scale {deployment} --replica-count 2 --wait").status == 0
    changed = line(f"firectl update deployment {deployment} --display-name Other -o json").body
    assert changed["displayName"] == "Other"
    stale = line(f"firectl update deployment {deployment} --display-name X --etag 0")
    assert (stale.status, "was changed since you read it" in stale.err) == (1, True)


def test_a_deleted_deployment_is_had_back(deployment: str) -> None:
    assert line(f"firectl delete deployment {deployment} --ignore-checks --wait").status == 0
    assert deployment not in line("firectl list deployments").out
    assert deployment in line("firectl list deployments --show-deleted").out
    assert line(f"firectl undelete deployment {deployment} --wait").status == 0


def test_gpu_count_is_raised_to_what_the_model_needs(hearth: RunningHearth) -> None:
    command = "firectl create deployment deepseek-v3 --gpu-type b200 --precision fp4"

    ran = line(f"{command} --gpu-count 1 --validate-only -o json")
    assert (ran.status, ran.body["acceleratorCount"] > 1) == (0, True)
    assert "needs 4 accelerators, not 1" in ran.err
    exact = line(f"{command} --accelerator-count 1 --validate-only")
    assert (exact.status, "missing" in exact.err) == (1, True)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("llama-v3p1-8b-instruct --gpu-type h101", "h100"),
        ("llama-v3p1-8b-instruct --region us-wst-2", "us-west-2"),
        ("no-such-model", "no-such-model"),
        ("llama-v3p1-8b-instruct --min-replicas 3 --max-replicas 2", "minReplicaCount"),
        ("llama-v3p1-8b-instruct -a other-account", "other-account"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    hearth: RunningHearth, flags: str, words: str
) -> None:
    ran = line(f"firectl create deployment {flags}")

    assert ran.status != 0
    assert words in ran.err
    assert ran.err.count("\n") == 1


def test_a_router_shares_among_deployments(deployment: str) -> None:
    assert line(f"firectl create router both --deployments {deployment} --weights 1").status == 0
    name = f"accounts/dev/deployments/{deployment}"
    assert line("firectl get router both -o json").body["deployments"] == [name]
    assert "accounts/dev/routers/both " in line("firectl list routers").out
    assert line("firectl delete router both").status == 0


def test_a_model_is_uploaded_and_comes_back_byte_for_byte(
    hearth: RunningHearth, home: Path
) -> None:
    (home / "weights").mkdir()
    data = gguf_bytes(home)
    (home / "weights" / "model.gguf").write_bytes(data)

    made = line("firectl create model mine ./weights --display-name Mine")
    assert (made.status, "State: READY\n" in made.out) == (0, True), made.err
    assert line("firectl download model mine ./local_path").status == 0
    assert (home / "local_path" / "model.gguf").read_bytes() == data
    assert "accounts/dev/models/mine " in line("firectl list models").out
    assert line("firectl prepare-model mine --precision int8 --wait --wait-timeout 20s").status == 0
    assert "upload model mine" in line("firectl create model mine ./weights").err
    assert (
        line("firectl update model mine --description Ours -o json").body["description"] == "Ours"
    )
    assert line("firectl delete model mine").status == 0
    assert line("firectl get model mine").status == 3


def test_a_broken_adapter_is_refused_with_the_reason(hearth: RunningHearth, home: Path) -> None:
    folder = home / "adapter"
    folder.mkdir()
    write_safetensors(folder / "adapter_model.safetensors", {"lora_A.weight": np.zeros((8, 4))})
    config = {"r": 8, "lora_alpha": 16, "target_modules": ["q_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(config))

    ran = line("firectl create model lora ./adapter --base-model no-such-base --quiet")

    assert ran.status == 1
    assert "no-such-base" in ran.err


def test_networks_are_named_and_a_private_deployment_needs_them(hearth: RunningHearth) -> None:
    assert line("firectl create security-group sg-67890 --cidrs 127.0.0.0/8,::1/128").status == 0
    groups = line("firectl list security-groups -o json").body
    assert groups[0]["ingressCidrs"] == ["127.0.0.0/8", "::1/128"]
    assert line("firectl create security-group sg-1 --cidrs nonsense").status == 1
    private = (
        "firectl create vpc-deployment --model llama-v3p1-8b-instruct --vpc-id vpc-12345 "
        "--security-groups sg-67890 --validate-only -o json"
    )
    assert line(private).body["vpc"]["securityGroups"][0].endswith("sg-67890")
    assert line("firectl delete security-group sg-67890").status == 0


def test_a_user_is_removed(hearth: RunningHearth) -> None:
    assert line("firectl create user --user-id gone --email gone@example.com").status == 0
    assert line("firectl delete user gone").status == 0
    assert line("firectl get user gone").status == 3


def test_shapes_that_suit_a_model_are_listed(hearth: RunningHearth) -> None:
    ran = line("firectl list deployment-shapes --base-model llama-v3p1-8b-instruct")

    assert "llama-v3p1-8b-instruct-fast " in ran.out
    assert line("firectl get deployment-shape llama-v3p1-8b-instruct-fast").status == 0


def test_a_secret_is_kept_and_never_shown(hearth: RunningHearth) -> None:
    made = line("firectl create secret --name WANDB_API_KEY --value sesame")
    assert (made.status, "Key Name: WANDB_API_KEY\n" in made.out) == (0, True)

    shown = [
        line("firectl get secret wandb-api-key"),
        line("firectl list secrets -o json"),
        line("firectl update secret wandb-api-key --value other"),
        line("firectl update secret wandb-api-key --name WANDB_KEY"),
    ]
    assert [each.status for each in shown] == [0, 0, 0, 0]
    assert not any("sesame" in each.out or "other" in each.out for each in (made, *shown))
    assert "Key Name: WANDB_KEY\n" in shown[-1].out
    assert line("firectl delete secret wandb-api-key").status == 0
    assert line("firectl get secret wandb-api-key").status == 3


def test_an_adapter_is_loaded_and_taken_off(hearth: RunningHearth, home: Path) -> None:
    folder = home / "adapter"
    folder.mkdir()
    matrices = {
        f"base_model.model.model.layers.0.self_attn.q_proj.lora_{half}.weight": np.zeros(shape)
        for half, shape in (("A", (8, 4096)), ("B", (4096, 8)))
    }
    write_safetensors(folder / "adapter_model.safetensors", matrices)
    config = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(config))

    made = line("firectl create model lora ./adapter --base-model llama-v3p1-8b-instruct")
    assert made.status == 0, made.err
    loaded = line("firectl load-lora lora --wait --wait-timeout 20s")
    assert loaded.status == 0, loaded.err
    assert "DEPLOYED" in line("firectl list deployed-models").out
    assert line("firectl unload-lora lora --wait --wait-timeout 20s").status == 0
