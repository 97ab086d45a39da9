"""A real model under `hipaa`: encrypted on disk from its first start, and served all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.commands import hearth_command
from tests.engines.models import write_tiny_model
from tests.gateway.private import (
    ACCOUNT,
    INSIDE,
    PrivateHearth,
    eventually,
    host_of,
    private_hearth,
)

SIZES = {"engine_threads": "1", "engine_slots": "2", "engine_context_tokens": "512"}


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Bytes of the weights that would give them away."""
    whole = write_tiny_model(tmp_path_factory.mktemp("own") / "own.gguf", seed=7).read_bytes()
    return whole[len(whole) // 2 :][:64]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateHearth]:
    folder = tmp_path_factory.mktemp("sealed")
    home, arriving = folder / "home", folder / "arriving.gguf"
    for seed, name, account in (
        (1, "smollm2-135m-instruct", "fireworks"),
        (7, "custom-model", "dev"),
    ):
        write_tiny_model(arriving, seed=seed)
        pulled = hearth_command(
            home, "pull", f"file:{arriving}", "--as", name, "--account", account
        )
        assert pulled.returncode == 0, pulled.stderr
        arriving.unlink()
    with private_hearth(home, is_tls=True, engine="auto", **SIZES) as site:
        yield site


def firectl(site: PrivateHearth, *arguments: str) -> str:
    variables = {
        "FIREWORKS_API_KEY": site.hearth.credentials["api_key"],
        "FIREWORKS_BASE_URL": site.hearth.url.replace("http://", "https://"),
        "FIREWORKS_ACCOUNT_ID": "dev",
        "SSL_CERT_FILE": str(site.hearth.home.with_name("tls") / "cert.pem"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "hearth.firectl.main", *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def lies_in(folder: Path, piece: bytes) -> bool:
    return any(piece in each.read_bytes() for each in folder.rglob("*") if each.is_file())


def test_a_private_deployment_is_made_by_one_command_and_its_weights_lie_sealed(
    site: PrivateHearth, secret: bytes
) -> None:
    was_plain = lies_in(site.hearth.home, secret)

    firectl(
        site, "create", "vpc-deployment", "--deployment-id", "sealed", "--model", "custom-model",
        "--vpc-id", "vpc-12345", "--security-groups", "sg-67890", "--compliance-mode", "hipaa",
    )  # fmt: skip
    with site.client() as api:
        path = f"{ACCOUNT}/deployments/sealed"
        eventually(
            lambda: "`firectl create security-group sg-67890" in api.get(path).text, limit_s=10
        )
        firectl(site, "create", "security-group", "sg-67890", "--cidrs", f"{INSIDE}/32")
        eventually(lambda: api.get(path).json()["state"] == "READY", limit_s=30)
    with site.client(host=host_of("sealed")) as client:
        eventually(lambda: site.ask("hello", client, "custom-model").status_code == 200, limit_s=10)
        answer = site.ask("hello", client, "custom-model")

    assert was_plain
    assert not lies_in(site.hearth.home, secret)
    assert answer.headers["fireworks-deployment"] == "accounts/dev/deployments/sealed"
    assert answer.headers["x-hearth-served-by"] == "accounts/dev/models/custom-model"


def test_sealed_weights_are_not_given_out_and_not_converted(site: PrivateHearth) -> None:
    path = f"{ACCOUNT}/models/custom-model"
    with site.client() as api:
        given = api.get(f"{path}:getDownloadEndpoint")
        prepared = api.post(f"{path}:prepare", json={"precision": "FP16"})

    for answer in (given, prepared):
        assert answer.status_code == 400, answer.text
        assert "sealed for a deployment under compliance" in answer.json()["message"]


def test_what_is_meant_for_it_is_not_answered_by_everybodys_endpoint(site: PrivateHearth) -> None:
    with site.client() as api:
        eventually(lambda: site.ask("hello", api, "custom-model").status_code == 404)
        refused = site.ask("hello", api, "custom-model").json()["error"]["details"]
        listed = {each["id"]: each for each in api.get("/v1/models").json()["data"]}

    assert "are sealed: only deployments serve them" in refused
    assert listed["accounts/dev/models/custom-model"]["callable"] is False
