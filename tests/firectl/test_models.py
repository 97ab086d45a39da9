"""Models: uploads, downloads, and what sort of model a folder holds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.firectl.terminal import KEY, Reply, World, typed

READY = {"name": "accounts/dev/models/m", "state": "READY"}
WEIGHTS = bytes(range(256)) * 300


@pytest.fixture
def weights(home: Path) -> Path:
    """A folder with a model in it, and what does not belong to it."""
    folder = home / "weights"
    (folder / "nested").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "nested" / "model.safetensors").write_bytes(WEIGHTS)
    (folder / "empty.txt").write_bytes(b"")
    (folder / ".hidden").write_text("x")
    (folder / ".git" / "HEAD").write_text("x")
    return folder


@pytest.fixture
def store(world: World) -> World:
    """A world that takes and gives the files of a model."""
    names = ("config.json", "nested/model.safetensors", "empty.txt")
    urls = {name: f"{world.url}/signed/{name}?signature=s" for name in names}
    world.on("POST", "models", Reply(body=READY | {"state": "UPLOADING"}))
    world.on("POST", "models/m:getUploadEndpoint", Reply(body={"filenameToSignedUrls": urls}))
    world.on("GET", "models/m:validateUpload", Reply(body={"warnings": ["no chat template"]}))
    world.on("GET", "models/m", Reply(body=READY | {"state": "UPLOADING"}), Reply(body=READY))
    for name in names:
        world.on("PUT", f"/signed/{name}", Reply())
    return world


def test_a_model_is_created_uploaded_checked_and_waited_for(store: World, weights: Path) -> None:
    ran = typed("create", "model", "m", str(weights), "--display-name", "M", "--supports-tools")

    posts = [each for each in store.received if each.method == "POST"]
    puts = {each.path: each for each in store.received if each.method == "PUT"}
    assert (ran.status, "State: READY" in ran.out) == (0, True)
    assert posts[0].body["modelId"] == "m"
    assert posts[0].body["model"] == {
        "displayName": "M",
        "supportsTools": True,
        "kind": "HF_BASE_MODEL",
        "baseModelDetails": {"checkpointFormat": "HUGGINGFACE"},
    }
    sizes = {"config.json": "2", "nested/model.safetensors": "76800", "empty.txt": "0"}
    assert posts[1].body == {"filenameToSize": sizes}
    assert puts["/signed/nested/model.safetensors"].data == WEIGHTS
    assert puts["/signed/config.json"].headers["content-type"] == "application/octet-stream"
    assert puts["/signed/config.json"].headers["x-goog-content-length-range"] == "2,2"
    assert ran.err.splitlines() == [
        "Uploaded config.json (2 B)",
        "Uploaded empty.txt (0 B)",
        "Uploaded nested/model.safetensors (76.8 kB)",
        "firectl: no chat template",
        "m: UPLOADING",
        "m: READY",
    ]


def test_the_key_does_not_go_to_signed_addresses(store: World, weights: Path) -> None:
    typed("upload", "model", "m", str(weights), "--quiet")

    puts = [each for each in store.received if each.method == "PUT"]
    assert len(puts) == 3
    assert not any(KEY in value for each in puts for value in each.headers.values())


def test_a_person_sees_a_bar(store: World, weights: Path) -> None:
    ran = typed("upload", "model", "m", str(weights), live=True)

    assert "model.safetensors [########################] 100% of 76.8 kB" in ran.err


def test_an_upload_that_broke_off_is_taken_up_again(store: World, weights: Path) -> None:
    taken = {"message": "There is a model 'm' already.", "code": "ALREADY_EXISTS"}
    store.on(
        "POST", "models", Reply(status=409, body={"message": taken["message"], "error": taken})
    )

    ran = typed("create", "model", "m", str(weights))

    assert ran.status == 1
    assert f"`firectl upload model m {weights}` takes it up again" in ran.err
    assert typed("upload", "model", "m", str(weights)).status == 0


def adapter(folder: Path, config: dict[str, Any]) -> Path:
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def test_an_adapter_says_its_rank_and_modules(store: World, weights: Path) -> None:
    path = adapter(weights, {"r": 16, "target_modules": ["q_proj", "v_proj"]})

    ran = typed("create", "model", "m", str(path), "--base-model", "llama", "--dry-run")

    assert ran.body["model"] == {
        "kind": "HF_PEFT_ADDON",
        "peftDetails": {"baseModel": "llama", "r": 16, "targetModules": ["q_proj", "v_proj"]},
    }
    adapter(weights, {"peft_type": "OTHER"})
    ran = typed("create", "model", "m", str(path), "--base-model", "llama")
    assert "no configuration of a LoRA adapter" in ran.err


def test_an_embedding_model_says_so(store: World, weights: Path) -> None:
    ran = typed("create", "model", "m", str(weights), "--embedding", "--dry-run")

    assert ran.body["model"]["kind"] == "EMBEDDING_MODEL"


def test_a_folder_without_files_is_refused_before_anything_is_sent(world: World) -> None:
    ran = typed("create", "model", "m", "nowhere")

    assert (ran.status, world.received) == (1, [])
    assert "nowhere has no files to upload" in ran.err


def offer(world: World, files: dict[str, Reply]) -> None:
    """Files to download."""
    urls = {name: f"{world.url}/signed/{number}" for number, name in enumerate(files)}
    world.on("GET", "models/m:getDownloadEndpoint", Reply(body={"filenameToSignedUrls": urls}))
    for number, reply in enumerate(files.values()):
        world.on("GET", f"/signed/{number}", reply)


def test_files_are_downloaded_below_the_folder(world: World, home: Path) -> None:
    digest = {"ETag": hashlib.sha256(WEIGHTS).hexdigest()}
    offer(world, {"config.json": Reply(body=b"{}"), "a/w": Reply(body=WEIGHTS, headers=digest)})

    ran = typed("download", "model", "m", "./local_path")

    assert ran.status == 0
    assert (home / "local_path" / "config.json").read_bytes() == b"{}"
    assert (home / "local_path" / "a" / "w").read_bytes() == WEIGHTS
    assert [path.name for path in home.rglob("*.part")] == []
    assert "Have already" in typed("download", "model", "m", "./local_path").err


def test_a_download_goes_on_where_it_broke_off(world: World, home: Path) -> None:
    (home / "d").mkdir()
    (home / "d" / "w.part").write_bytes(WEIGHTS[:1000])
    offer(world, {"w": Reply(body=WEIGHTS[1000:], status=206)})

    assert typed("download", "model", "m", "d").status == 0
    assert world.last("GET").headers["range"] == "bytes=1000-"
    assert (home / "d" / "w").read_bytes() == WEIGHTS


def test_a_damaged_file_is_not_kept(world: World, home: Path) -> None:
    offer(world, {"w": Reply(body=b"x", headers={"ETag": "0" * 64})})

    ran = typed("download", "model", "m", "d")

    assert (ran.status, list((home / "d").iterdir())) == (1, [])
    assert "arrived damaged" in ran.err


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "."])
def test_no_file_is_written_outside_the_folder(world: World, home: Path, name: str) -> None:
    offer(world, {name: Reply(body=b"x")})

    ran = typed("download", "model", "m", "d/e")

    assert ran.status == 1
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_a_bare_id_that_the_account_lacks_is_the_catalogues(world: World) -> None:
    name = "accounts/fireworks/models/llama"
    world.on("GET", f"/v1/{name}", Reply(body={"name": name}))

    assert typed("get", "model", "llama").out == f"Name: {name}\n"
    assert typed("get", "model", "fireworks/llama").out == f"Name: {name}\n"
    assert typed("get", "model", "accounts/dev/models/llama").status == 3
    assert "/v1/accounts/dev/models/other" in typed("get", "model", "other").err


def test_preparing_waits_until_the_precision_is_there(store: World) -> None:
    store.on("POST", "models/m:prepare", Reply())
    before, after = READY | {"precisions": ["FP16"]}, READY | {"precisions": ["FP16", "FP8"]}
    store.on("GET", "models/m", Reply(body=before), Reply(body=after))

    ran = typed("prepare-model", "m", "--precision", "fp8", "--wait")

    assert (ran.status, store.last("POST").body) == (0, {"precision": "FP8"})
    assert [each.method for each in store.received] == ["POST", "GET", "GET"]
    assert ran.err.endswith("accounts/dev/models/m is ready.\n")


@pytest.mark.parametrize(
    ("source", "flags", "body"),
    [
        (
            "s3://bucket/some/path",
            ["--credentials-secret", "aws", "--bucket-region", "eu-west-1"],
            {
                "awsS3Source": {
                    "s3Bucket": "bucket",
                    "s3Path": "some/path",
                    "region": "eu-west-1",
                    "credentialsSecret": "aws",
                }
            },
        ),
        (
            "azure://storage/container/a/b",
            [],
            {
                "azureBlobSource": {
                    "storageAccount": "storage",
                    "container": "container",
                    "path": "a/b",
                }
            },
        ),
        ("https://example.com/m.gguf", [], {"source": "https://example.com/m.gguf"}),
    ],
)
def test_weights_that_are_elsewhere_are_fetched_by_the_server(
    store: World, source: str, flags: list[str], body: dict[str, Any]
) -> None:
    operation = {"name": "accounts/dev/models/m/operations/1", "done": False}
    half = operation | {"metadata": {"percent": 50, "message": "fetching"}}
    store.on("POST", "models/m:import", Reply(body=operation))
    store.on(
        "GET", "models/m/operations/1", Reply(body=half), Reply(body=operation | {"done": True})
    )

    ran = typed("create", "model", "m", source, *flags)

    assert (ran.status, store.last("POST").body) == (0, body)
    assert ran.err.splitlines()[:2] == ["1: running, fetching, 50%", "1: done"]


def test_a_failed_import_ends_with_its_reason(store: World) -> None:
    failed = {"name": "accounts/dev/models/m/operations/1", "done": True}
    failed["error"] = {"code": 9, "message": "there is no such bucket"}
    store.on("POST", "models/m:import", Reply(body=failed))

    ran = typed("import", "model", "org/m")

    assert (ran.status, store.last("POST").body) == (1, {"source": "hf:org/m"})
    assert ran.err == "firectl: It failed: there is no such bucket\n"


def test_a_resumed_upload_sends_only_what_the_store_lacks(store: World, weights: Path) -> None:
    path = "/signed/nested/model.safetensors"
    have = Reply(status=308, headers={"Range": "bytes=0-999"})
    store.on("PUT", path, have, Reply())

    assert typed("upload", "model", "m", str(weights)).status == 0
    asked, sent = (each for each in store.received if each.path == path)
    assert asked.headers["content-range"] == "bytes */76800"
    assert sent.headers["content-range"] == "bytes 1000-76799/76800"
    assert sent.data == WEIGHTS[1000:]


def test_a_model_whose_check_fails_later_is_not_waited_for(store: World, weights: Path) -> None:
    status = {"code": "FAILED_PRECONDITION", "message": "the weights are cut"}
    store.on("GET", "models/m", Reply(body=READY | {"state": "UPLOADING", "status": status}))

    ran = typed("create", "model", "m", str(weights), "--quiet")

    assert ran.status == 1
    assert ran.err.endswith("accounts/dev/models/m is UPLOADING: the weights are cut\n")
