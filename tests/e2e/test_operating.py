"""What an operator types, as it is written in guides: verbatim, against a fresh Hearth."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deployments.traffic import Deployments, wait_until
from tests.engines.models import write_tiny_model
from tests.running import RunningHearth, running_hearth

LIMIT_S = 120.0

Type = Callable[..., str]


@pytest.fixture(scope="module")
def hearth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHearth]:
    with running_hearth(tmp_path_factory.mktemp("hearth")) as running:
        yield running


@pytest.fixture(scope="module")
def typed(hearth: RunningHearth, tmp_path_factory: pytest.TempPathFactory) -> Type:
    """Types a line that begins with `firectl`, as a user whose home is new; returns the answer."""
    home = tmp_path_factory.mktemp("user")
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    environment = kept | {"HOME": str(home), "FIREWORKS_BASE_URL": hearth.url}

    def run(line: str, *, say: str = "", status: int = 0) -> str:
        program, *arguments = shlex.split(line.replace("\\\n", " "))
        assert program == "firectl"
        done = subprocess.run(
            [sys.executable, "-m", "hearth.firectl.main", *arguments],
            input=say,
            env=environment,
            cwd=home,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == status, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def signed_in(typed: Type, hearth: RunningHearth) -> Type:
    """The same, once somebody has logged in."""
    typed("firectl login", say=f"{hearth.credentials['api_key']}\n")
    return typed


def named(said: str) -> str:
    """The id of the deployment that an answer is about."""
    found = re.search(r"deployments/([a-z0-9-]+)", said)
    assert found is not None, said
    return found[1]


def test_logging_in_and_asking_who_one_is(signed_in: Type) -> None:
    said = signed_in("firectl whoami")

    assert "accounts/dev" in said


def test_listing_and_getting_models(signed_in: Type) -> None:
    assert "fireworks-asr" in signed_in("firectl list models --category experimental")
    assert "llama-v3p1-8b-instruct" in signed_in("firectl list models")
    assert "State: READY" in signed_in("firectl get model llama-v3p1-8b-instruct")
    assert "accounts/" not in signed_in("firectl list models --category no-such-category")


def test_listing_regions_shows_eighteen_of_eight_clouds(signed_in: Type) -> None:
    said = signed_in("firectl list regions")

    regions = [line.split() for line in said.splitlines() if "/regions/" in line]
    emulated = [line for line in regions if "/regions/local" not in line[0]]
    assert len(emulated) == 18
    assert all(name in said for name in ("us-west-2", "eu-west-1", "asia-southeast-1"))


def test_the_life_of_a_deployment(signed_in: Type, hearth: RunningHearth) -> None:
    signed_in(
        """firectl create deployment \\
  --model llama-v3p1-70b-instruct \\
  --name my-deployment \\
  --gpu-type h100 \\
  --gpu-count 2 \\
  --max-replicas 4"""
    )
    assert "my-deployment" in signed_in("firectl list deployments")
    deployments = Deployments(hearth)
    deployments.wait_ready("my-deployment", 1)
    ask = {
        "model": "accounts/dev/deployments/my-deployment",
        "messages": [{"role": "user", "content": "Hello?"}],
    }
    with hearth.client() as api:
        assert api.post("/chat/completions", json=ask).status_code == 200
    wait_until(
        lambda: deployments.metrics("my-deployment").get("requests_total") == 1.0, "not counted"
    )

    shown = signed_in("firectl get deployment my-deployment")
    assert "State: READY" in shown
    assert "Emulated: true" in shown
    assert "Requests Total: 1" in signed_in("firectl get deployment my-deployment --metrics")
    in_use = signed_in("firectl delete deployment my-deployment", status=1)
    assert "ignore" in in_use
    signed_in("firectl delete deployment my-deployment --ignore-checks")
    wait_until(lambda: deployments.get("my-deployment")["state"] == "DELETED", "it stays")
    deployments.api.close()


def test_a_model_larger_than_asked_for_gets_what_it_needs_and_is_told_so(
    signed_in: Type,
) -> None:
    said = signed_in(
        """firectl create deployment \\
  --model deepseek-v3 \\
  --gpu-type b200 \\
  --gpu-count 1 \\
  --precision fp4 \\
  --max-tokens-per-second 300"""
    )

    assert "deepseek-v3 needs 4 accelerators, not 1" in said
    assert "Precision: FP4" in said
    metrics = signed_in(f"firectl get deployment {named(said)} --metrics")
    assert "Tokens Generated Per Second:" in metrics


def test_deploying_in_a_region_with_fallbacks(signed_in: Type, hearth: RunningHearth) -> None:
    said = signed_in(
        """firectl create deployment \\
  --model llama-v4-scout \\
  --region us-west-2 \\
  --fallback-regions eu-west-1,asia-southeast-1 \\
  --auto-scale true"""
    )

    deployments = Deployments(hearth)
    deployments.wait_ready(named(said), 1)
    told = deployments.get(named(said))
    deployments.api.close()
    assert told["region"] == "us-west-2"
    assert told["placement"]["regions"] == ["eu-west-1", "asia-southeast-1"]
    assert told["maxReplicaCount"] > 1


def test_a_private_deployment_of_an_own_model(
    signed_in: Type, hearth: RunningHearth, tmp_path: Path
) -> None:
    write_tiny_model(tmp_path / "tiny.gguf")
    signed_in(f"firectl create model custom-model {tmp_path / 'tiny.gguf'}")
    signed_in(f"firectl download model custom-model {tmp_path / 'local_path'}")
    assert (tmp_path / "local_path" / "tiny.gguf").read_bytes() == (
        tmp_path / "tiny.gguf"
    ).read_bytes()

    said = signed_in(
        """firectl create vpc-deployment \\
  --model custom-model \\
  --vpc-id vpc-12345 \\
  --security-groups sg-67890 \\
  --compliance-mode hipaa"""
    )

    assert "sg-67890" in said
    ask = {
        "model": f"accounts/dev/deployments/{named(said)}",
        "messages": [{"role": "user", "content": "Hello?"}],
    }
    with hearth.client() as api:  # nobody is let in before the group says whom
        assert api.post("/chat/completions", json=ask).status_code == 404


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("firectl create deployment llama-v3p1-8b-instruct --gpu-type h1000", "h100"),
        (
            "firectl create deployment llama-v3p1-405b-instruct "
            "--accelerator-type NVIDIA_A10G_24GB --accelerator-count 1",
            "are missing",
        ),
        (
            "firectl create deployment llama-v3p1-8b-instruct "
            "--min-replica-count 3 --max-replica-count 2",
            "maxReplicaCount",
        ),
        ('firectl list deployments --filter "state = "', "column 8"),
        ('firectl list deployments --filter "state READY"', "column 7"),
        ("firectl create deploiment x", "deployment"),
        ("firectl get deployment none-such", "no deployment"),
        ("firectl -a other list deployments", "no account"),
    ],
)
def test_what_cannot_be_is_told_in_a_line_with_the_remedy(
    signed_in: Type, line: str, words: str
) -> None:
    with pytest.raises(AssertionError) as refused:
        signed_in(line)

    assert words in str(refused.value)


def test_a_name_that_is_taken_and_a_change_of_what_was_changed_since(signed_in: Type) -> None:
    create = "firectl create deployment llama-v3p1-8b-instruct --deployment-id twice"
    etag = re.search(r"Etag: (\S+)", signed_in(create))
    assert etag is not None
    signed_in("firectl update deployment twice --display-name First")

    taken = signed_in(create, status=1)
    stale = signed_in(
        f"firectl update deployment twice --display-name Second --etag {etag[1]}", status=1
    )

    assert "exists already" in taken
    assert "read it again" in stale
