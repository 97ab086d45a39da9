"""Real weights under `hipaa`: encrypted on disk from their first use, and served all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from hearth.deployments.vpc.vault import MEMORY
from tests.catalog.peft_folders import random_matrices, write_peft
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

PUBLIC, OWN = "smollm2-135m-instruct", "custom-model"
ADAPTERS = {"own-lora": PUBLIC, "fitted": OWN, "late": OWN}
"And their bases."
SIZES = {"engine_threads": "1", "engine_slots": "2", "engine_context_tokens": "512"}


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Bytes of the weights that would give them away."""
    whole = write_tiny_model(tmp_path_factory.mktemp("own") / "own.gguf", seed=7).read_bytes()
    return whole[len(whole) // 2 :][:64]


@pytest.fixture(scope="module")
def lora_secret(site: PrivateHearth) -> bytes:
    """Bytes of the adapter that would give it away."""
    path = site.hearth.home.with_name("own-lora") / "adapter_model.safetensors"
    whole = path.read_bytes()
    return whole[len(whole) // 2 :][:64]


def pull(home: Path, source: Path, name: str, account: str) -> None:
    pulled = hearth_command(home, "pull", f"file:{source}", "--as", name, "--account", account)
    assert pulled.returncode == 0, pulled.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateHearth]:
    folder = tmp_path_factory.mktemp("sealed")
    home, arriving = folder / "home", folder / "arriving.gguf"
    for seed, name, account in ((1, PUBLIC, "fireworks"), (7, OWN, "dev")):
        pull(home, write_tiny_model(arriving, seed=seed), name, account)
    for seed, (name, base) in enumerate(ADAPTERS.items()):
        matrices = random_matrices(arriving, seed=seed)
        lora = write_peft(folder / name, matrices, base_model_name_or_path=base)
        pull(home, lora, name, "dev")
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


def said(site: PrivateHearth, client: httpx.Client, model: str) -> str:
    """A text that depends on the model alone, as soon as it is answered."""
    ask = partial(site.ask, "hello", client, model, temperature=0)
    eventually(lambda: ask().status_code == 200, limit_s=10)
    return str(ask().json()["choices"][0]["message"]["content"])


def lies_in(folder: Path, piece: bytes) -> bool:
    return any(piece in each.read_bytes() for each in folder.rglob("*") if each.is_file())


def test_a_private_deployment_is_made_by_one_command_and_its_weights_lie_sealed(
    site: PrivateHearth, secret: bytes
) -> None:
    was_plain = lies_in(site.hearth.home, secret)
    firectl(site, "load-lora", "fitted", "--wait")
    firectl(site, "unload-lora", "fitted", "--wait")

    firectl(
        site, "create", "vpc-deployment", "--deployment-id", "sealed", "--model", OWN,
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
        eventually(lambda: site.ask("hello", client, OWN).status_code == 200, limit_s=10)
        answer = site.ask("hello", client, OWN)

    assert was_plain
    assert not lies_in(site.hearth.home, secret)
    assert answer.headers["fireworks-deployment"] == "accounts/dev/deployments/sealed"
    assert answer.headers["x-hearth-served-by"] == "accounts/dev/models/custom-model"


def test_an_adapter_of_a_public_model_lies_sealed_and_is_open_while_it_is_loaded(
    site: PrivateHearth, lora_secret: bytes
) -> None:
    was_plain = lies_in(site.hearth.home, lora_secret)
    firectl(
        site, "create", "vpc-deployment", "--deployment-id", "adapted", "--model", PUBLIC,
        "--vpc-id", "vpc-12345", "--security-groups", "sg-67890", "--compliance-mode", "hipaa",
        "--wait",
    )  # fmt: skip
    firectl(site, "load-lora", "own-lora", "--deployment", "adapted", "--wait")
    with site.client(host=host_of("adapted")) as client:
        plain, changed = (said(site, client, name) for name in (PUBLIC, "own-lora#adapted"))
    was_open = lies_in(MEMORY, lora_secret)
    lies_plain = lies_in(site.hearth.home, lora_secret)

    firectl(site, "unload-lora", "own-lora", "--deployment", "adapted", "--wait")

    assert was_plain
    assert plain != changed
    assert was_open
    assert not lies_plain
    eventually(lambda: not lies_in(MEMORY, lora_secret), limit_s=10)


def test_adapters_of_sealed_weights_were_loaded_once_before(site: PrivateHearth) -> None:
    late = {
        "model": "accounts/dev/models/late",
        "deployment": "accounts/dev/deployments/sealed",
    }
    with site.client() as api:
        refused = api.post(f"{ACCOUNT}/deployedModels", json=late)
    firectl(site, "load-lora", "fitted", "--deployment", "sealed", "--wait")
    with site.client(host=host_of("sealed")) as client:
        plain, changed = (said(site, client, name) for name in (OWN, "dev/fitted#dev/sealed"))

    assert refused.status_code == 400, refused.text
    assert "loaded on them once, before that deployment was made" in refused.text
    assert plain != changed


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
        eventually(lambda: site.ask("hello", api, OWN).status_code == 404)
        refused = site.ask("hello", api, OWN).json()["error"]["details"]
        listed = {each["id"]: each for each in api.get("/v1/models").json()["data"]}

    assert "are sealed: only deployments serve them" in refused
    assert listed["accounts/dev/models/custom-model"]["callable"] is False
