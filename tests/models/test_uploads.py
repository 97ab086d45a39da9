"""Uploads: from announced files to a model that answers, and whatever can be wrong on the way."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from hearth.accounts import Role
from tests.catalog.weights import gguf_bytes, write_safetensors
from tests.models.conftest import MODELS, House, announce, make, upload, validate


@pytest.fixture
def gguf(tmp_path: Path) -> bytes:
    return gguf_bytes(tmp_path)


@pytest.fixture
def adapter(tmp_path: Path) -> dict[str, bytes]:
    write_safetensors(tmp_path / "a", {"lora_A.weight": np.zeros((8, 4))})
    config = {
        "r": 8,
        "lora_alpha": 16,
        "target_modules": ["q_proj"],
        "base_model_name_or_path": "fireworks/llama-v3p1-8b-instruct",
    }
    return {
        "adapter_model.safetensors": (tmp_path / "a").read_bytes(),
        "adapter_config.json": json.dumps(config).encode(),
    }


async def test_an_uploaded_model_is_ready_and_answers_for_its_own_account_alone(
    house: House, acme: httpx.AsyncClient, gguf: bytes
) -> None:
    made = await make(acme, "mine", kind="HF_BASE_MODEL", displayName="Mine")
    await upload(acme, "mine", {"model.gguf": gguf})
    answer = await validate(acme, "mine")

    assert made["state"] == "UPLOADING"
    assert "getUploadEndpoint" in made["status"]["message"]
    assert (answer.status_code, answer.json()) == (200, {"warnings": []})
    model = (await acme.get(f"{MODELS}/mine")).json()
    assert model["state"] == "READY"
    assert model["displayName"] == "Mine"
    assert model["callable"] is True
    assert model["servedBy"] == model["name"]
    assert model["contextLength"] == 512
    assert int(model["baseModelDetails"]["parameterCount"]) > 0
    assert model["sizeBytes"] == len(gguf)
    found = house.shelf.find("mine", "acme")
    assert found is not None
    assert found.serving.served_by == model["name"]
    assert house.shelf.find(model["name"], "other") is None
    weights = house.store.find(model["name"])
    assert weights is not None
    assert weights.path.read_bytes() == gguf
    assert weights.manifest.source == "upload"


async def test_what_was_uploaded_is_kept_once(
    house: House, acme: httpx.AsyncClient, gguf: bytes, tmp_path: Path
) -> None:
    await make(acme, "mine")
    await upload(acme, "mine", {"model.gguf": gguf})
    await validate(acme, "mine")

    assert [path for path in (tmp_path / "home" / "objects").rglob("*") if path.is_file()] == []


async def test_validating_again_changes_nothing(acme: httpx.AsyncClient, gguf: bytes) -> None:
    await make(acme, "mine")
    await upload(acme, "mine", {"model.gguf": gguf})

    answers = await asyncio.gather(validate(acme, "mine"), validate(acme, "mine"))

    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    assert (await validate(acme, "mine")).json() == {"warnings": []}


async def test_an_adapter_says_what_it_is_for(
    acme: httpx.AsyncClient, adapter: dict[str, bytes]
) -> None:
    await make(acme, "lora", kind="HF_PEFT_ADDON")
    await upload(acme, "lora", adapter)

    assert (await validate(acme, "lora")).status_code == 200
    model = (await acme.get(f"{MODELS}/lora")).json()
    assert model["state"] == "READY"
    assert model["peftDetails"]["r"] == 8
    assert model["peftDetails"]["targetModules"] == ["q_proj"]
    assert model["peftDetails"]["baseModel"] == "accounts/fireworks/models/llama-v3p1-8b-instruct"


@pytest.mark.parametrize(
    ("kind", "details", "part"),
    [
        ("HF_BASE_MODEL", None, "HF_PEFT_ADDON"),
        ("HF_PEFT_ADDON", {"r": 16}, "peftDetails.r is 16"),
    ],
)
async def test_an_adapter_that_is_another_than_was_made_is_refused(
    acme: httpx.AsyncClient, adapter: dict[str, bytes], kind: str, details: object, part: str
) -> None:
    await make(acme, "lora", kind=kind, peftDetails=details)
    await upload(acme, "lora", adapter)

    answer = await validate(acme, "lora")

    assert answer.status_code == 400
    assert part in answer.json()["message"]
    model = (await acme.get(f"{MODELS}/lora")).json()
    assert model["state"] == "UPLOADING"
    assert part in model["status"]["message"]


async def test_each_file_that_is_not_as_announced_is_named(
    acme: httpx.AsyncClient, gguf: bytes
) -> None:
    await make(acme, "mine")
    urls = await announce(acme, "mine", {"model.gguf": gguf, "config.json": b"{}"})
    await acme.put(urls["config.json"], content=b"{}")

    answer = await validate(acme, "mine")

    assert answer.status_code == 400
    assert "1 of 2 files" in answer.json()["message"]
    assert "model.gguf: not uploaded yet" in answer.json()["message"]
    assert "config.json:" not in answer.json()["message"]


async def test_damaged_weights_stay_an_upload_that_can_be_mended(
    house: House, acme: httpx.AsyncClient, gguf: bytes
) -> None:
    await make(acme, "mine")
    await upload(acme, "mine", {"model.gguf": gguf[: len(gguf) // 2]})
    broken = await validate(acme, "mine")
    await upload(acme, "mine", {"model.gguf": gguf})
    mended = await validate(acme, "mine")

    assert broken.status_code == 400
    assert "model.gguf" in broken.json()["message"]
    assert mended.status_code == 200, mended.text
    assert (await acme.get(f"{MODELS}/mine")).json()["status"] == {"code": "OK", "message": ""}


async def test_a_later_announcement_replaces_the_set_and_keeps_what_came(
    house: House, acme: httpx.AsyncClient, gguf: bytes
) -> None:
    await make(acme, "mine")
    await upload(acme, "mine", {"model.gguf": gguf, "notes.txt": b"draft"})
    await announce(acme, "mine", {"model.gguf": gguf})

    assert (await validate(acme, "mine")).status_code == 200
    weights = house.store.find("accounts/acme/models/mine")
    assert weights is not None
    assert [file.path for file in weights.manifest.files] == ["model.gguf"]


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/../../x", "", ".", "a//b", "a\\b", "a\x00b", "manifest.json"]
)
async def test_a_name_that_could_lie_elsewhere_is_refused(
    acme: httpx.AsyncClient, name: str
) -> None:
    await make(acme, "mine")

    body = {"filenameToSize": {name: "3"}}
    answer = await acme.post(f"{MODELS}/mine:getUploadEndpoint", json=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "filenameToSize"


@pytest.mark.parametrize("size", ["many", -1, "1e9", None, True, "9" * 20, 1.5])
async def test_a_size_that_is_none_is_refused(acme: httpx.AsyncClient, size: object) -> None:
    await make(acme, "mine")

    body = {"filenameToSize": {"model.gguf": size}}
    answer = await acme.post(f"{MODELS}/mine:getUploadEndpoint", json=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "filenameToSize"


async def test_more_than_the_disk_holds_is_refused_before_it_comes(
    acme: httpx.AsyncClient,
) -> None:
    await make(acme, "mine")

    body = {"filenameToSize": {"model.gguf": str(10**12 * 3)}}
    answer = await acme.post(f"{MODELS}/mine:getUploadEndpoint", json=body)

    assert answer.status_code == 413
    assert "do not fit" in answer.json()["message"]


async def test_a_ready_model_takes_no_other_files(acme: httpx.AsyncClient, gguf: bytes) -> None:
    await make(acme, "mine")
    await upload(acme, "mine", {"model.gguf": gguf})
    await validate(acme, "mine")

    body = {"filenameToSize": {"model.gguf": "3"}}
    answer = await acme.post(f"{MODELS}/mine:getUploadEndpoint", json=body)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "FAILED_PRECONDITION"


async def test_without_an_announcement_there_is_nothing_to_validate(
    acme: httpx.AsyncClient,
) -> None:
    await make(acme, "mine")

    answer = await validate(acme, "mine")

    assert answer.status_code == 400
    assert "getUploadEndpoint" in answer.json()["message"]


@pytest.mark.parametrize("verb", [":validateUpload", ":getDownloadEndpoint", ""])
async def test_anothers_model_looks_like_none(
    acme: httpx.AsyncClient, stranger: httpx.AsyncClient, verb: str
) -> None:
    await make(acme, "mine")

    theirs = await stranger.get(f"{MODELS}/mine{verb}")
    nobodys = await stranger.get(f"/accounts/nobody/models/mine{verb}")

    assert theirs.status_code == nobodys.status_code == 404


async def test_a_contributor_uploads_to_its_own_models_only(
    house: House, acme: httpx.AsyncClient
) -> None:
    await make(acme, "anns")
    async with house.client(await house.add_user("acme", "con", Role.CONTRIBUTOR)) as con:
        await make(con, "cons")
        body = {"filenameToSize": {"model.gguf": "3"}}
        own = await con.post(f"{MODELS}/cons:getUploadEndpoint", json=body)
        others = await con.post(f"{MODELS}/anns:getUploadEndpoint", json=body)

    assert own.status_code == 200
    assert others.status_code == 403


async def test_a_model_comes_back_byte_for_byte(acme: httpx.AsyncClient, gguf: bytes) -> None:
    await make(acme, "mine")
    await upload(acme, "mine", {"model.gguf": gguf})
    before = await acme.get(f"{MODELS}/mine:getDownloadEndpoint")
    await validate(acme, "mine")
    urls = (await acme.get(f"{MODELS}/mine:getDownloadEndpoint")).json()["filenameToSignedUrls"]

    whole = await acme.get(urls["model.gguf"])
    part = await acme.get(urls["model.gguf"], headers={"range": "bytes=4-7"})

    assert before.status_code == 400
    assert whole.content == gguf
    assert (part.status_code, part.content) == (206, gguf[4:8])


async def test_public_models_can_be_called_and_read_by_everybody(
    house: House, acme: httpx.AsyncClient, stranger: httpx.AsyncClient, gguf: bytes
) -> None:
    await make(acme, "mine")
    await upload(acme, "mine", {"model.gguf": gguf})
    await validate(acme, "mine")
    hidden = await stranger.get(f"{MODELS}/mine")
    await acme.patch(f"{MODELS}/mine", json={"public": True})
    shown = await stranger.get(f"{MODELS}/mine")

    name = "accounts/acme/models/mine"
    assert hidden.status_code == 404
    assert shown.json()["name"] == name
    assert house.shelf.find(name, "other") == house.shelf.find(name, "acme")
    assert (await stranger.patch(f"{MODELS}/mine", json={"public": False})).status_code == 404
    await acme.patch(f"{MODELS}/mine", json={"public": False})
    assert house.shelf.find(name, "other") is None
