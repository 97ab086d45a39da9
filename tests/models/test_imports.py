"""Imports: from a bucket of somebody else's or a source, by a job, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import httpx
import obstore
import pytest
from obstore.store import S3Store

from hearth.errors import InvalidRequest, Unavailable
from hearth.jobs import list_jobs
from hearth.kit.db import Database
from tests.catalog.weights import gguf_bytes, write_gguf
from tests.kit.test_objects import s3_endpoint
from tests.models.conftest import MODELS, House, make

__all__ = ["s3_endpoint"]

NAME = "accounts/acme/models/mine"


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """Somebody's bucket, which only who has their keys can read."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    return S3Store(
        "hearth-test", access_key_id="test", secret_access_key="test", region="us-east-1"
    )


async def start(client: httpx.AsyncClient, **source: object) -> httpx.Response:
    return await client.post(f"{MODELS}/mine:import", json=source)


async def jobs_of(db: Database) -> list[dict[str, Any]]:
    async with db.read() as conn:
        return [job.arguments for job in await list_jobs(conn, "acme", resource=NAME)]


async def test_a_source_is_fetched_by_a_job(
    house: House, acme: httpx.AsyncClient, db: Database, tmp_path: Path
) -> None:
    write_gguf(tmp_path / "tiny.gguf")
    await make(acme, "mine")
    started = (await start(acme, source=f"file:{tmp_path / 'tiny.gguf'}")).json()
    (arguments,) = await jobs_of(db)
    warnings = await house.imports.run(arguments["name"], arguments["source"])

    asked = await acme.get(f"/{started['name']}")
    model = (await acme.get(f"{MODELS}/mine")).json()
    assert started["done"] is False
    assert asked.json()["name"] == started["name"]
    assert warnings == []
    assert model["state"] == "READY"
    assert model["importedFrom"] == f"file:{tmp_path / 'tiny.gguf'}"
    assert await house.imports.run(arguments["name"], arguments["source"]) == []


async def test_a_bucket_is_read_with_the_accounts_own_secret(
    house: House, acme: httpx.AsyncClient, db: Database, bucket: S3Store, tmp_path: Path
) -> None:
    prefix = f"{tmp_path.name}-{os.getpid()}"
    content = gguf_bytes(tmp_path)
    obstore.put(bucket, f"{prefix}/model.gguf", content)
    obstore.put(bucket, f"{prefix}/tokenizer/notes.txt", b"notes")
    house.secrets["acme/aws"] = json.dumps({"accessKeyId": "test", "secretAccessKey": "test"})
    await make(acme, "mine")

    source = {"s3Bucket": "hearth-test", "s3Path": f"{prefix}/", "credentialsSecret": "aws"}
    answer = await start(acme, awsS3Source=source)
    (arguments,) = await jobs_of(db)
    await house.imports.run(arguments["name"], arguments["source"])

    assert answer.status_code == 200, answer.text
    assert "secretAccessKey" not in json.dumps(arguments)
    weights = house.store.find(NAME)
    assert weights is not None
    assert weights.path.read_bytes() == content
    assert [file.path for file in weights.manifest.files] == ["model.gguf", "tokenizer/notes.txt"]
    assert weights.manifest.source == f"s3://hearth-test/{prefix}"


async def test_what_cannot_be_fetched_says_why_and_stays_an_upload(
    house: House, acme: httpx.AsyncClient, tmp_path: Path
) -> None:
    await make(acme, "mine")
    (tmp_path / "tiny.gguf").write_bytes(b"GGUF, but not really")

    for path, error in (
        (tmp_path / "gone.gguf", Unavailable),
        (tmp_path / "tiny.gguf", InvalidRequest),
    ):
        with pytest.raises(error):
            await house.imports.run(NAME, {"source": f"file:{path}"})
        model = (await acme.get(f"{MODELS}/mine")).json()
        assert model["state"] == "UPLOADING"
        assert path.name in model["status"]["message"]


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ({}, 400),
        ({"source": "hf:org/repo", "awsS3Source": {"s3Bucket": "b"}}, 400),
        ({"awsS3Source": {}}, 400),
        ({"awsS3Source": {"s3Bucket": "b", "endpoint": "http://10.0.0.1"}}, 400),
        ({"awsS3Source": {"s3Bucket": "bucket", "endpoint": "https://10.0.0.1"}}, 400),
        ({"awsS3Source": {"s3Bucket": "10.0.0.1/x#"}}, 400),
        ({"awsS3Source": {"s3Bucket": "bucket", "region": "x.example/#"}}, 400),
        ({"azureBlobSource": {"storageAccount": "abc"}}, 400),
        ({"azureBlobSource": {"storageAccount": "evil.example/", "container": "c12"}}, 400),
        ({"source": "pypi:x==1/y"}, 403),
        ({"source": "https://internal.example/x"}, 403),
    ],
)
async def test_what_is_no_source_here_is_refused(
    acme: httpx.AsyncClient, db: Database, source: dict[str, object], status: int
) -> None:
    await make(acme, "mine")

    answer = await start(acme, **source)

    assert answer.status_code == status
    assert await jobs_of(db) == []
