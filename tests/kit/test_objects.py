"""The object store: one contract, over a local folder and over a real S3 protocol."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hearth.errors import Conflict, InvalidRequest, NotFound, SetupError, Unavailable
from hearth.kit.objects import ObjectStore

LIMIT_S = 60
BIG = os.urandom(7 * 1024 * 1024 + 3)  # more than one part of an upload

SERVER = """
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
import sys; sys.stdin.read()
server.stop()
"""


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        endpoint = f"http://127.0.0.1:{port}"
        with urllib.request.urlopen(
            urllib.request.Request(f"{endpoint}/hearth-test", method="PUT"), timeout=LIMIT_S
        ):
            pass
        yield endpoint
        server.communicate("", timeout=LIMIT_S)


@pytest.fixture(params=["file", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "file":
        return f"file://{tmp_path}/with%20space/objects"
    monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("s3_endpoint"))
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return f"s3://hearth-test/{tmp_path.name}"


@pytest.fixture
def store(url: str) -> ObjectStore:
    return ObjectStore(url)


async def test_what_is_put_is_got(store: ObjectStore) -> None:
    await store.put("datasets/d1/rows.jsonl", b"first")
    await store.put("datasets/d1/rows.jsonl", b"second")

    assert await store.get("datasets/d1/rows.jsonl") == b"second"


async def test_a_large_object_goes_and_comes_in_pieces(store: ObjectStore) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(BIG), 100_000):
            yield BIG[start : start + 100_000]

    await store.put("big", pieces())
    chunks = [chunk async for chunk in store.stream("big", chunk_bytes=1024 * 1024)]

    assert b"".join(chunks) == BIG
    assert len(chunks) > 1


async def test_of_many_who_create_one_object_one_succeeds(store: ObjectStore) -> None:
    async def create(number: int) -> bool:
        try:
            await store.put("lock", str(number).encode(), only_if_absent=True)
        except Conflict:
            return False
        return True

    won = await asyncio.gather(*(create(number) for number in range(8)))

    assert won.count(True) == 1
    assert await store.get("lock") == str(won.index(True)).encode()


async def test_a_folder_lists_what_is_below_it(store: ObjectStore) -> None:
    for key in ("a/1", "a/b/2", "ab/3", "c"):
        await store.put(key, b"12345")

    entries = [entry async for entry in store.entries("a")]

    assert sorted(entry.key for entry in entries) == ["a/1", "a/b/2"]
    assert {entry.size_bytes for entry in entries} == {5}
    assert all(entry.update_time.tzinfo for entry in entries)
    assert len([entry async for entry in store.entries()]) == 4


async def test_what_is_deleted_is_gone_and_may_be_deleted_again(store: ObjectStore) -> None:
    await store.put("a", b"x")
    await store.delete("a")
    await store.delete("a")

    with pytest.raises(NotFound, match="'a'"):
        await store.get("a")
    with pytest.raises(NotFound):
        [chunk async for chunk in store.stream("a")]


@pytest.mark.parametrize("key", ["../outside", "a/../../outside", "a//b", "a/./b"])
async def test_no_key_leads_out_of_the_store(store: ObjectStore, key: str) -> None:
    with pytest.raises(InvalidRequest):
        await store.put(key, b"x")
    with pytest.raises(InvalidRequest):
        await store.get(key)


async def test_a_store_that_is_away_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")

    async with asyncio.timeout(LIMIT_S):
        with pytest.raises(Unavailable):
            await ObjectStore("s3://hearth-test").get("a")


@pytest.mark.parametrize(
    "url", ["", "folder", "file://host/folder", "gs://bucket", "s3://", "file:///proc/hearth/x"]
)
def test_a_url_that_names_no_store_is_a_setup_error(url: str) -> None:
    with pytest.raises(SetupError, match="HEARTH_OBJECTS_URL"):
        ObjectStore(url)
