"""Uploads where objects are in a bucket: the bucket signs, and takes the files itself."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from hearth.accounts import Role
from hearth.kit.db import Database
from tests.catalog.weights import gguf_bytes
from tests.kit.test_objects import s3_endpoint
from tests.models.conftest import MODELS, House, announce, make, validate

__all__ = ["s3_endpoint"]


@pytest.fixture
def bucket_url(s3_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return f"s3://hearth-test/{tmp_path.name}"


async def test_files_go_to_the_bucket_and_from_there_into_the_store(
    db: Database, tmp_path: Path, bucket_url: str
) -> None:
    house = House(db, tmp_path / "home", bucket_url)
    await house.accounts.create_account("acme")
    content = gguf_bytes(tmp_path)
    async with (
        house.client(await house.add_user("acme", "ann", Role.ADMIN)) as acme,
        httpx.AsyncClient() as outside,
    ):
        await make(acme, "mine")
        urls = await announce(acme, "mine", {"model.gguf": content})
        early = await validate(acme, "mine")
        put = await outside.put(urls["model.gguf"], content=content)
        validated = await validate(acme, "mine")
        download = (await acme.get(f"{MODELS}/mine:getDownloadEndpoint")).json()
        got = await acme.get(download["filenameToSignedUrls"]["model.gguf"])

    assert urls["model.gguf"].startswith("http://127.0.0.1:")
    assert early.status_code == 400
    assert put.status_code == 200
    assert validated.json() == {"warnings": []}
    assert got.content == content
    assert [entry.key async for entry in house.objects.store.entries()] == []
    assert list((tmp_path / "home" / "models" / ".partial").rglob("*.gguf")) == []
