"""Precisions: what of a model can be made ahead, and what is refused by name."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.catalog.weights import gguf_bytes, write_model_folder
from tests.models.conftest import MODELS, House, make, upload, validate

NAME = "accounts/acme/models/mine"


async def prepare(client: httpx.AsyncClient, precision: object) -> httpx.Response:
    return await client.post(f"{MODELS}/mine:prepare", json={"precision": precision})


@pytest.fixture
async def mine(acme: httpx.AsyncClient, tmp_path: Path) -> str:
    await make(acme, "mine")
    await upload(acme, "mine", {"model.gguf": gguf_bytes(tmp_path)})
    assert (await validate(acme, "mine")).status_code == 200
    return NAME


async def test_another_precision_lies_beside_the_first(
    house: House, acme: httpx.AsyncClient, mine: str
) -> None:
    before = (await acme.get(f"{MODELS}/mine")).json()
    made = await prepare(acme, "INT8")
    again = await prepare(acme, "INT8")

    assert made.status_code == again.status_code == 200, made.text
    after = (await acme.get(f"{MODELS}/mine")).json()
    assert before["precisions"] == ["FP32"]
    assert after["precisions"] == ["FP32", "INT8"]
    assert set(after["supportedPrecisions"]) >= {"FP16", "INT8", "INT4"}
    (variant,) = house.store.variants(mine)
    assert variant.inspection.quantisation == "Q8_0"
    assert variant.name == mine


async def test_precisions_go_with_their_model(
    house: House, acme: httpx.AsyncClient, mine: str, tmp_path: Path
) -> None:
    await prepare(acme, "INT4")
    await acme.delete(f"{MODELS}/mine")

    assert list((tmp_path / "home").rglob("*.gguf")) == []


@pytest.mark.parametrize("precision", ["FP8", "NF4", "fp7", "", None, 8])
async def test_a_precision_that_nothing_here_runs_is_refused(
    acme: httpx.AsyncClient, mine: str, precision: object
) -> None:
    answer = await prepare(acme, precision)

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "precision"


async def test_what_is_no_gguf_cannot_be_prepared(acme: httpx.AsyncClient, tmp_path: Path) -> None:
    write_model_folder(tmp_path / "folder")
    files = {path.name: path.read_bytes() for path in (tmp_path / "folder").iterdir()}
    await make(acme, "mine")
    await upload(acme, "mine", files)
    validated = await validate(acme, "mine")

    answer = await prepare(acme, "INT8")

    assert "cannot be called" in validated.json()["warnings"][0]
    assert answer.status_code == 400
    assert "GGUF" in answer.json()["message"]


async def test_before_the_weights_are_here_nothing_is_prepared(acme: httpx.AsyncClient) -> None:
    await make(acme, "mine")

    assert (await prepare(acme, "INT8")).status_code == 400
